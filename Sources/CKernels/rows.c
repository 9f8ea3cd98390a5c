// Operations on each row of a matrix by itself: layer normalisation of tokens, softmax of attention scores.
#include <math.h>

#include "CKernels.h"
#include "clones.h"
#include "exponential.h"
#include "highest.h"

#define INLINE static inline __attribute__((always_inline))

// Mean and 1 / sqrt(biased variance + epsilon). A row stays in the nearest cache, so it is read twice for exactness.
INLINE void row_moments(const float *x, float epsilon, size_t n, float *mean, float *inverse) {
  COHORT_REASSOCIATE
  float sum = 0, squares = 0;
  for (size_t i = 0; i < n; i++) sum += x[i];
  float m = sum / n;
  for (size_t i = 0; i < n; i++) squares += (x[i] - m) * (x[i] - m);
  *mean = m;
  *inverse = 1 / sqrtf(squares / n + epsilon);
}

COHORT_CLONES void cohort_layer_norm(
    float *restrict y, const float *restrict x, const float *restrict gain, const float *restrict bias, float epsilon, size_t rows,
    size_t n) {
  for (size_t row = 0; row < rows; row++, x += n, y += n) {
    float mean, inverse;
    row_moments(x, epsilon, n, &mean, &inverse);
    for (size_t i = 0; i < n; i++) y[i] = gain[i] * ((x[i] - mean) * inverse) + bias[i];
  }
}

COHORT_CLONES void cohort_layer_norm_gradient(
    float *restrict dy, const float *restrict x, const float *restrict gain, float epsilon, size_t rows, size_t n, double *dgain,
    double *dbias) {
  COHORT_REASSOCIATE
  float on_gain[n], on_bias[n];
  for (size_t i = 0; i < n; i++) on_gain[i] = on_bias[i] = 0;
  for (size_t row = 0; row < rows; row++, x += n, dy += n) {
    float mean, inverse, sum = 0, product = 0;
    row_moments(x, epsilon, n, &mean, &inverse);
    for (size_t i = 0; i < n; i++) {
      float z = (x[i] - mean) * inverse, g = gain[i] * dy[i];
      on_gain[i] += z * dy[i];
      on_bias[i] += dy[i];
      sum += g;
      product += g * z;
    }
    sum /= n, product /= n;
    for (size_t i = 0; i < n; i++) dy[i] = inverse * (gain[i] * dy[i] - sum - (x[i] - mean) * inverse * product);
  }
  for (size_t i = 0; i < n; i++) dgain[i] += on_gain[i], dbias[i] += on_bias[i];
}

COHORT_CLONES void cohort_softmax_rows(float *x, size_t rows, size_t n) {
  COHORT_REASSOCIATE
  for (size_t row = 0; row < rows; row++, x += n) {
    float highest = highest_of(x, n), total = 0;
    for (size_t i = 0; i < n; i++) {
      x[i] = exponential(x[i] - highest);
      total += x[i];
    }
    float share = 1 / total;
    for (size_t i = 0; i < n; i++) x[i] *= share;
  }
}

COHORT_CLONES void cohort_softmax_rows_gradient(float *restrict dp, const float *restrict p, float scale, size_t rows, size_t n) {
  COHORT_REASSOCIATE
  for (size_t row = 0; row < rows; row++, p += n, dp += n) {
    float inner = 0;
    for (size_t i = 0; i < n; i++) inner += p[i] * dp[i];
    for (size_t i = 0; i < n; i++) dp[i] = scale * p[i] * (dp[i] - inner);
  }
}
