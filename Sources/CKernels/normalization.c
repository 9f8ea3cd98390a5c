// Normalisation over voxels with the activation that follows it, for channels-last rows.
//
// Few channels make short inner loops, so several rows are taken together: a "period" of about 128 values in which the channel pattern
// repeats, with per-channel numbers copied out to the period's length.
#include "CKernels.h"
#include "clones.h"

enum { TARGET_PERIOD = 128 };

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

COHORT_CLONES void cohort_scale_shift_activate(
    float *y, const float *x, const float *scale, const float *shift, float slope, size_t rows, size_t channels) {
  size_t copies = rows_in_period(channels), period = copies * channels, n = rows * channels;
  float a[period], b[period];
  repeat(a, scale, channels, copies);
  repeat(b, shift, channels, copies);
  for (size_t start = 0; start < n; start += period) {
    size_t length = n - start < period ? n - start : period;
    for (size_t i = 0; i < length; i++) {
      float z = a[i] * x[start + i] + b[i];
      y[start + i] = z > 0 ? z : slope * z;
    }
  }
}

COHORT_CLONES void cohort_normalization_sums(
    const float *dy, const float *x, const float *scale, const float *shift, float slope, size_t rows, size_t channels, double *sum,
    double *product) {
  size_t copies = rows_in_period(channels), period = copies * channels, n = rows * channels;
  float a[period], b[period], s[period], q[period];
  repeat(a, scale, channels, copies);
  repeat(b, shift, channels, copies);
  for (size_t i = 0; i < period; i++) s[i] = q[i] = 0;
  for (size_t start = 0; start < n; start += period) {
    size_t length = n - start < period ? n - start : period;
    for (size_t i = 0; i < length; i++) {
      float z = a[i] * x[start + i] + b[i];
      float g = z > 0 ? dy[start + i] : slope * dy[start + i];
      s[i] += g;
      q[i] += g * z;
    }
  }
  fold(s, period, channels, sum);
  fold(q, period, channels, product);
}

COHORT_CLONES void cohort_normalization_gradient(
    float *dx, const float *dy, const float *x, const float *scale, const float *shift, float slope, const float *on_gradient,
    const float *on_value, const float *constant, size_t rows, size_t channels) {
  size_t copies = rows_in_period(channels), period = copies * channels, n = rows * channels;
  float a[period], b[period], k[period], m[period], c[period];
  repeat(a, scale, channels, copies);
  repeat(b, shift, channels, copies);
  repeat(k, on_gradient, channels, copies);
  repeat(m, on_value, channels, copies);
  repeat(c, constant, channels, copies);
  for (size_t start = 0; start < n; start += period) {
    size_t length = n - start < period ? n - start : period;
    for (size_t i = 0; i < length; i++) {
      float value = x[start + i], z = a[i] * value + b[i];
      float g = z > 0 ? dy[start + i] : slope * dy[start + i];
      dx[start + i] = k[i] * g + m[i] * value + c[i];
    }
  }
}
