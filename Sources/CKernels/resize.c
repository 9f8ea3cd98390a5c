// Max-pooling by 2 and trilinear upsampling by 2 (align_corners false), a row of the output at a time.
#include <string.h>

#include "CKernels.h"
#include "clones.h"

// rows: the four input rows (2d, 2h), (2d, 2h+1), (2d+1, 2h), (2d+1, 2h+1), each [2 width, channels]. Ties go to the first voxel in
// scan order, as in PyTorch.
COHORT_CLONES void cohort_max_pool_row(
    float *restrict y, uint8_t *restrict choice, const float *const rows[4], size_t width, size_t channels) {
  for (size_t w = 0; w < width; w++) {
    size_t at = 2 * w * channels;
    for (size_t c = 0; c < channels; c++) {
      float best = rows[0][at + c];
      uint8_t which = 0;
      for (int k = 1; k < 8; k++) {
        float value = rows[k / 2][at + (k % 2) * channels + c];
        which = value > best ? (uint8_t)k : which;
        best = value > best ? value : best;
      }
      y[w * channels + c] = best;
      choice[w * channels + c] = which;
    }
  }
}

COHORT_CLONES void cohort_max_pool_row_gradient(
    float *const rows[4], const float *restrict dy, const uint8_t *restrict choice, size_t width, size_t channels) {
  for (size_t w = 0; w < width; w++)
    for (int k = 0; k < 8; k++) {
      float *restrict to = rows[k / 2] + (2 * w + k % 2) * channels;
      for (size_t c = 0; c < channels; c++) to[c] = choice[w * channels + c] == k ? dy[w * channels + c] : 0;
    }
}

COHORT_CLONES void cohort_weighted_rows(float *restrict y, const float *const *rows, const float *weights, size_t count, size_t n) {
  if (count == 4) {
    const float *restrict a = rows[0], *restrict b = rows[1], *restrict c = rows[2], *restrict d = rows[3];
    float wa = weights[0], wb = weights[1], wc = weights[2], wd = weights[3];
    for (size_t i = 0; i < n; i++) y[i] = wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];
    return;
  }
  memset(y, 0, n * sizeof *y);
  for (size_t row = 0; row < count; row++) {
    const float *restrict x = rows[row];
    float weight = weights[row];
    for (size_t i = 0; i < n; i++) y[i] += weight * x[i];
  }
}

// Output 2i takes 1/4 of voxel i-1 and 3/4 of voxel i; output 2i+1 takes 3/4 of i and 1/4 of i+1; the ends are clamped.
COHORT_CLONES void cohort_double_width(float *restrict y, const float *restrict x, size_t width, size_t channels) {
  for (size_t w = 0; w < width; w++) {
    const float *here = x + w * channels;
    const float *before = w > 0 ? here - channels : here, *after = w + 1 < width ? here + channels : here;
    float *restrict even = y + 2 * w * channels, *restrict odd = even + channels;
    for (size_t c = 0; c < channels; c++) {
      even[c] = 0.25f * before[c] + 0.75f * here[c];
      odd[c] = 0.75f * here[c] + 0.25f * after[c];
    }
  }
}
