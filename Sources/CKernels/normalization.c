// Normalisation over voxels with the activation that follows it and a sum before or after that, for channels-last rows.
//
// Few channels make short inner loops, so several rows are taken together: a "period" of about 128 values in which the channel pattern
// repeats, with per-channel numbers copied out to the period's length.
#include "CKernels.h"
#include "clones.h"

enum { TARGET_PERIOD = 128 };
#define INLINE static inline __attribute__((always_inline))

static inline size_t rows_in_period(size_t channels) { return channels >= TARGET_PERIOD ? 1 : TARGET_PERIOD / channels; }

static inline void repeat(float *to, const float *from, size_t channels, size_t copies) {
  for (size_t copy = 0; copy < copies; copy++)
    for (size_t c = 0; c < channels; c++) to[copy * channels + c] = from[c];
}

static inline void fold(const float *from, size_t period, size_t channels, double *to) {
  for (size_t i = 0; i < period; i++) to[i % channels] += from[i];
}

COHORT_CLONES void cohort_moments(
    const float *x, const float *pivot, size_t rows, size_t channels, double *sum, double *squares) {
  size_t copies = rows_in_period(channels), period = copies * channels, n = rows * channels;
  float p[period], s[period], q[period];
  repeat(p, pivot, channels, copies);
  for (size_t i = 0; i < period; i++) s[i] = q[i] = 0;
  for (size_t start = 0; start < n; start += period) {
    size_t length = n - start < period ? n - start : period;
    for (size_t i = 0; i < length; i++) {
      float d = x[start + i] - p[i];
      s[i] += d;
      q[i] += d * d;
    }
  }
  fold(s, period, channels, sum);
  fold(q, period, channels, squares);
}

enum { NOTHING, BEFORE, AFTER };

INLINE void normalize(
    int place, float *y, const float *x, const float *scale, const float *shift, float slope, const float *added, size_t rows,
    size_t channels) {
  size_t copies = rows_in_period(channels), period = copies * channels, n = rows * channels;
  float a[period], b[period];
  repeat(a, scale, channels, copies);
  repeat(b, shift, channels, copies);
  for (size_t start = 0; start < n; start += period) {
    size_t length = n - start < period ? n - start : period;
    // The result may take the place of what is added: an element is read before it is written, and no other element is touched.
#pragma clang loop vectorize(assume_safety)
    for (size_t i = 0; i < length; i++) {
      float z = a[i] * x[start + i] + b[i];
      if (place == BEFORE) z += added[start + i];
      z = z > 0 ? z : slope * z;
      if (place == AFTER) z += added[start + i];
      y[start + i] = z;
    }
  }
}

// Each case is compiled by itself, so that the inner loop holds no test.
COHORT_CLONES void cohort_normalize(
    float *y, const float *x, const float *scale, const float *shift, float slope, const float *before, const float *after,
    size_t rows, size_t channels) {
  if (before) return normalize(BEFORE, y, x, scale, shift, slope, before, rows, channels);
  if (after) return normalize(AFTER, y, x, scale, shift, slope, after, rows, channels);
  normalize(NOTHING, y, x, scale, shift, slope, 0, rows, channels);
}

// The activation let z through whole where z > 0. Where something was added to z (`summed`) the sign is read from the result y.
INLINE void sums(
    int summed, const float *dy, const float *x, const float *y, const float *scale, const float *shift, const float *mean,
    float slope, size_t rows, size_t channels, double *sum, double *product) {
  size_t copies = rows_in_period(channels), period = copies * channels, n = rows * channels;
  float a[period], b[period], m[period], s[period], q[period];
  repeat(a, scale, channels, copies);
  repeat(b, shift, channels, copies);
  repeat(m, mean, channels, copies);
  for (size_t i = 0; i < period; i++) s[i] = q[i] = 0;
  for (size_t start = 0; start < n; start += period) {
    size_t length = n - start < period ? n - start : period;
    for (size_t i = 0; i < length; i++) {
      size_t at = start + i;
      float z = summed ? y[at] : a[i] * x[at] + b[i];
      float g = z > 0 ? dy[at] : slope * dy[at];
      s[i] += g;
      q[i] += g * (x[at] - m[i]);
    }
  }
  fold(s, period, channels, sum);
  fold(q, period, channels, product);
}

COHORT_CLONES void cohort_normalization_sums(
    const float *dy, const float *x, const float *y, const float *scale, const float *shift, const float *mean, float slope,
    size_t rows, size_t channels, double *sum, double *product) {
  if (y) return sums(1, dy, x, y, scale, shift, mean, slope, rows, channels, sum, product);
  sums(0, dy, x, 0, scale, shift, mean, slope, rows, channels, sum, product);
}

INLINE void gradient(
    int summed, float *dx, float *dadded, const float *dy, const float *x, const float *y, const float *scale, const float *shift,
    float slope, const float *on_value, const float *constant, size_t rows, size_t channels) {
  size_t copies = rows_in_period(channels), period = copies * channels, n = rows * channels;
  float a[period], b[period], m[period], c[period];
  repeat(a, scale, channels, copies);
  repeat(b, shift, channels, copies);
  repeat(m, on_value, channels, copies);
  repeat(c, constant, channels, copies);
  for (size_t start = 0; start < n; start += period) {
    size_t length = n - start < period ? n - start : period;
    // Writing over dy is safe: an element is read before it is written, and no other element is touched.
#pragma clang loop vectorize(assume_safety)
    for (size_t i = 0; i < length; i++) {
      size_t at = start + i;
      float value = x[at], z = summed ? y[at] : a[i] * value + b[i];
      float g = z > 0 ? dy[at] : slope * dy[at];
      if (summed) dadded[at] = g;
      dx[at] = a[i] * g + m[i] * value + c[i];
    }
  }
}

COHORT_CLONES void cohort_normalization_gradient(
    float *dx, float *dadded, const float *dy, const float *x, const float *y, const float *scale, const float *shift, float slope,
    const float *on_value, const float *constant, size_t rows, size_t channels) {
  if (y) return gradient(1, dx, dadded, dy, x, y, scale, shift, slope, on_value, constant, rows, channels);
  gradient(0, dx, 0, dy, x, 0, scale, shift, slope, on_value, constant, rows, channels);
}
