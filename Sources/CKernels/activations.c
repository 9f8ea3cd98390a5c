// Activations and what belongs to them, element by element: GELU, ReLU, the logistic function and the cross entropy on it.
#include <math.h>

#include "CKernels.h"
#include "clones.h"
#include "exponential.h"

// The normal distribution up to x, within 3e-7 relative in either tail: below -|x| it is e^(-x x / 2), which is left in `bell`, times a
// smooth function of s = 1 / (1 + 0.3 |x|), here as the polynomial with the smallest relative error for |x| < 13.5.
static inline float normal(float x, float *bell) {
  float s = 1 / (1 + 0.3f * fabsf(x));
  float p = 0.0383342694f;
  p = p * s - 0.168951967f;
  p = p * s + 0.22821732f;
  p = p * s - 0.0759996038f;
  p = p * s + 0.142185061f;
  p = p * s + 0.0948329779f;
  p = p * s + 0.121882054f;
  p = p * s + 0.119493064f;
  p = p * s + 6.85291262e-6f;
  *bell = exponential(-0.5f * x * x);
  return x < 0 ? p * *bell : 1 - p * *bell;
}

COHORT_CLONES void cohort_gelu(float *restrict y, const float *restrict x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float bell;
    y[i] = x[i] * normal(x[i], &bell);
  }
}

COHORT_CLONES void cohort_gelu_gradient(float *restrict dy, const float *restrict x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float bell, area = normal(x[i], &bell);
    dy[i] *= area + x[i] * 0.398942280f * bell;
  }
}

COHORT_CLONES void cohort_relu(float *restrict y, const float *restrict x, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : 0;
}

COHORT_CLONES void cohort_relu_gradient(float *restrict dy, const float *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) dy[i] = y[i] > 0 ? dy[i] : 0;
}

static inline float sigmoid(float x) {
  float e = exponential(-fabsf(x));
  return (x < 0 ? e : 1) / (1 + e);
}

COHORT_CLONES void cohort_sigmoid(float *restrict y, const float *restrict x, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = sigmoid(x[i]);
}

COHORT_CLONES void cohort_sigmoid_gradient(float *restrict dy, const float *restrict y, size_t n) {
  for (size_t i = 0; i < n; i++) dy[i] *= y[i] * (1 - y[i]);
}

COHORT_CLONES double cohort_binary_cross_entropy(const float *restrict z, const float *restrict t, size_t n) {
  COHORT_REASSOCIATE
  enum { RUN = 512 };  // factors of at most 2 whose product is taken before one logarithm: below the largest double
  double sum = 0;
  for (size_t start = 0; start < n; start += RUN) {
    size_t end = n - start < RUN ? n : start + RUN;
    double product = 1;
    for (size_t i = start; i < end; i++) {
      product *= 1 + (double)exponential(-fabsf(z[i]));
      sum += (z[i] > 0 ? z[i] : 0) - z[i] * t[i];
    }
    sum += log(product);
  }
  return sum;
}

COHORT_CLONES void cohort_binary_cross_entropy_gradient(
    float *restrict dz, const float *restrict z, const float *restrict t, float scale, size_t n) {
  for (size_t i = 0; i < n; i++) dz[i] = scale * (sigmoid(z[i]) - t[i]);
}
