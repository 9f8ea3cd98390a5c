// Element by element: sums, the optimisers, dropout.
#include <math.h>
#include <string.h>

#include "CKernels.h"
#include "clones.h"

COHORT_CLONES void cohort_add(float *restrict y, const float *restrict x, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

COHORT_CLONES void cohort_sum(float *restrict y, const float *a, const float *b, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

COHORT_CLONES double cohort_inner_product(const float *a, const float *b, size_t n) {
  COHORT_REASSOCIATE
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * b[i];
  return sum;
}

COHORT_CLONES void cohort_sgd(
    float *restrict p, float *restrict v, const float *restrict g, float rate, float momentum, float decay, size_t n) {
  for (size_t i = 0; i < n; i++) {
    v[i] = momentum * v[i] + (g[i] + decay * p[i]);
    p[i] -= rate * v[i];
  }
}

COHORT_CLONES void cohort_sgd_nesterov(
    float *restrict p, float *restrict v, const float *restrict g, float rate, float momentum, float decay, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float d = g[i] + decay * p[i];
    v[i] = momentum * v[i] + d;
    p[i] -= rate * (d + momentum * v[i]);
  }
}

COHORT_CLONES void cohort_adamw(
    float *restrict p, float *restrict m, float *restrict v, const float *restrict g, float keep, float step, float root, float beta1,
    float beta2, float epsilon, size_t n) {
  for (size_t i = 0; i < n; i++) {
    m[i] += (1 - beta1) * (g[i] - m[i]);
    v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
    p[i] = keep * p[i] - step * m[i] / (root * sqrtf(v[i]) + epsilon);
  }
}

// SplitMix64's finaliser in counter form, as RandomKey.hash.
static inline uint64_t hash(uint64_t key, uint64_t counter) {
  uint64_t z = key + (counter + 1) * 0x9E3779B97F4A7C15u;
  z ^= z >> 30;
  z *= 0xBF58476D1CE4E5B9u;
  z ^= z >> 27;
  z *= 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

COHORT_CLONES void cohort_dropout(
    float *y, const float *x, uint64_t key, uint64_t first, uint32_t threshold, float scale, size_t n) {
  size_t whole = n / 4;
  for (size_t word = 0; word < whole; word++) {
    uint64_t bits = hash(key, first / 4 + word);
    for (int part = 0; part < 4; part++) {
      size_t i = 4 * word + part;
      y[i] = ((bits >> (16 * part)) & 0xFFFF) >= threshold ? scale * x[i] : 0;
    }
  }
  uint64_t bits = hash(key, first / 4 + whole);
  for (size_t i = 4 * whole; i < n; i++) y[i] = ((bits >> (16 * (i - 4 * whole))) & 0xFFFF) >= threshold ? scale * x[i] : 0;
}

COHORT_CLONES void cohort_scale_channels(float *y, const float *x, const float *factors, size_t rows, size_t channels) {
  for (size_t row = 0; row < rows; row++) {
#pragma clang loop vectorize(assume_safety)
    for (size_t c = 0; c < channels; c++) y[row * channels + c] = factors[c] * x[row * channels + c];
  }
}

COHORT_CLONES void cohort_follow(float *restrict y, const float *restrict x, float keep, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = keep * y[i] + (1 - keep) * x[i];
}

// RandomKey.gaussian: twelve 16-bit uniforms minus 6.
static inline float gaussian(uint64_t key, uint64_t index) {
  uint64_t sum = 0;
  for (uint64_t word = 0; word < 3; word++) {
    uint64_t bits = hash(key, 3 * index + word);
    sum += (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
  }
  return (float)((double)(int64_t)(sum + 6) / 65536 - 6);
}

COHORT_CLONES void cohort_add_noise(
    float *y, const float *x, uint64_t key, uint64_t first, float standard_deviation, float limit, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float noise = standard_deviation * gaussian(key, first + i);
    y[i] = x[i] + (noise > limit ? limit : noise < -limit ? -limit : noise);
  }
}
