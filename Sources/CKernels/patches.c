// Blocks of voxels as rows of a matrix: what a convolution whose kernel equals its stride, or its transpose, multiplies.
// A row holds one block: factors D, H, W in scan order, C channels each.
#include <string.h>

#include "CKernels.h"
#include "clones.h"

// The first voxel of block `number` in fine[B, fD D, fH H, fW W], as an offset in voxels.
static inline size_t corner(size_t number, const size_t coarse[3], const size_t factors[3]) {
  size_t w = number % coarse[2], line = number / coarse[2], h = line % coarse[1], plane = line / coarse[1];
  // Samples lie behind each other in depth, so `plane` counts through all of them.
  return (plane * factors[0] * factors[1] * coarse[1] + h * factors[1]) * factors[2] * coarse[2] + w * factors[2];
}

void cohort_gather_patches(
    float *rows, const float *fine, const size_t coarse[3], const size_t factors[3], size_t channels, size_t first, size_t count) {
  size_t run = factors[2] * channels, line = run * coarse[2], plane = line * factors[1] * coarse[1];
  for (size_t number = first; number < first + count; number++) {
    const float *from = fine + corner(number, coarse, factors) * channels;
    for (size_t d = 0; d < factors[0]; d++)
      for (size_t h = 0; h < factors[1]; h++, rows += run) memcpy(rows, from + d * plane + h * line, run * sizeof *rows);
  }
}

COHORT_CLONES void cohort_scatter_patches(
    float *fine, const float *rows, const float *bias, const size_t coarse[3], const size_t factors[3], size_t channels,
    size_t first, size_t count) {
  size_t run = factors[2] * channels, line = run * coarse[2], plane = line * factors[1] * coarse[1];
  for (size_t number = first; number < first + count; number++) {
    float *to = fine + corner(number, coarse, factors) * channels;
    for (size_t d = 0; d < factors[0]; d++)
      for (size_t h = 0; h < factors[1]; h++, rows += run) {
        float *restrict out = to + d * plane + h * line;
        if (!bias) {
          memcpy(out, rows, run * sizeof *rows);
          continue;
        }
        for (size_t w = 0; w < factors[2]; w++)
          for (size_t c = 0; c < channels; c++) out[w * channels + c] = rows[w * channels + c] + bias[c];
      }
  }
}

COHORT_CLONES void cohort_add_to_rows(float *restrict y, const float *restrict bias, size_t rows, size_t channels) {
  for (size_t row = 0; row < rows; row++)
    for (size_t c = 0; c < channels; c++) y[row * channels + c] += bias[c];
}

COHORT_CLONES void cohort_column_sums(const float *x, size_t rows, size_t channels, double *sums) {
  float sum[channels];
  for (size_t c = 0; c < channels; c++) sum[c] = 0;
  for (size_t row = 0; row < rows; row++)
    for (size_t c = 0; c < channels; c++) sum[c] += x[row * channels + c];
  for (size_t c = 0; c < channels; c++) sums[c] += sum[c];
}
