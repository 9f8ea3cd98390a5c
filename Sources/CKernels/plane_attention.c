// Attention of SAM: the separable relative positions are added to the logits as the softmax reads them
// (facebookresearch/segment-anything, segment_anything/modeling/image_encoder.py, `add_decomposed_rel_pos`).
//
// For a query at (r, c) and a key at (i, j) of a window of n x n places, the terms are th[n - 1 - r + i] and tw[n - 1 - c + j]: the rows run against
// the tables of the weights, so that they run with the keys.
#include <string.h>

#include "CKernels.h"
#include "clones.h"
#include "exponential.h"
#include "highest.h"

COHORT_CLONES void cohort_softmax_plane(
    float *rows, const float *th, const float *tw, size_t first, size_t lines, size_t width, size_t n) {
  COHORT_REASSOCIATE
  size_t keys = n * n, distances = 2 * n - 1;
  for (size_t query = 0; query < lines * width; query++, rows += keys, th += distances, tw += distances) {
    const float *height = th + (n - 1 - first - query / width), *breadth = tw + (n - 1 - query % width);
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n; j++) rows[i * n + j] += height[i] + breadth[j];
    float highest = highest_of(rows, keys), total = 0;
    for (size_t key = 0; key < keys; key++) {
      rows[key] = exponential(rows[key] - highest);
      total += rows[key];
    }
    float share = 1 / total;
    for (size_t key = 0; key < keys; key++) rows[key] *= share;
  }
}

COHORT_CLONES void cohort_plane_terms_gradient(
    float *th, float *tw, const float *rows, size_t first, size_t lines, size_t width, size_t n) {
  COHORT_REASSOCIATE
  size_t keys = n * n, distances = 2 * n - 1;
  for (size_t query = 0; query < lines * width; query++, rows += keys, th += distances, tw += distances) {
    memset(th, 0, distances * sizeof *th);
    memset(tw, 0, distances * sizeof *tw);
    float *height = th + (n - 1 - first - query / width), *breadth = tw + (n - 1 - query % width);
    for (size_t i = 0; i < n; i++) {
      float sum = 0;
      for (size_t j = 0; j < n; j++) {
        sum += rows[i * n + j];
        breadth[j] += rows[i * n + j];
      }
      height[i] = sum;
    }
  }
}
