// Attention of SAM-Med3D: relative positions as the original adds them, and pad tokens folded into one key
// (uni-medical/SAM-Med3D, segment_anything/modeling/image_encoder3D.py, `add_decomposed_rel_pos`).
//
// A query at (a, b, c) and a key at (i, j, l) of a grid of `g` places along each axis. A table row t[0 .. 2 n - 2] holds the
// products of one query vector with the vectors of 2 n - 1 distances; `td`, `th`, `tw` begin at the row of query (a, b, 0) and hold
// g rows.
#include <math.h>
#include <string.h>

#include "CKernels.h"
#include "clones.h"
#include "exponential.h"

#define INLINE static inline __attribute__((always_inline))

COHORT_CLONES void cohort_add_relative_terms(
    float *rows, size_t width, const float *td, const float *th, const float *tw, size_t a, size_t b, size_t g, size_t n) {
  size_t row = 2 * n - 1, zero = n - 1, keys = g * g * g;
  float shared[keys], own[keys];  // by all queries of the line, and by each
  for (size_t i = 0; i < g; i++)
    for (size_t j = 0; j < g; j++)
      for (size_t l = 0; l < g; l++) shared[(i * g + j) * g + l] = th[i * row + b + zero - l] + tw[j * row + j + zero - l];
  for (size_t c = 0; c < g; c++, rows += width, td += row) {
    for (size_t l = 0; l < g; l++) own[l] = td[a + zero - l];
    for (size_t key = g; key < keys; key += g) memcpy(own + key, own, g * sizeof *own);
    for (size_t key = 0; key < keys; key++) rows[key] += shared[key] + own[key];
  }
}

// The log of the sum of e^(h + w) over the pad keys with last index l: those with i, j or l behind the grid.
INLINE float pad_sum(
    size_t l, const float *th, const float *tw, const float *ph, const float *pw, size_t b, size_t g, size_t n) {
  size_t row = 2 * n - 1, zero = n - 1;
  float pad_h = ph[b + zero - l], highest_h = pad_h, highest_w = -INFINITY, h[n], w[n];
  for (size_t i = 0; i < n; i++) {
    h[i] = i < g ? th[i * row + b + zero - l] : pad_h;
    w[i] = i < g ? tw[i * row + i + zero - l] : pw[i + zero - l];
    highest_h = h[i] > highest_h ? h[i] : highest_h;
    highest_w = w[i] > highest_w ? w[i] : highest_w;
  }
  float real_h = 0, real_w = 0, other_h = 0, other_w = 0;
  for (size_t i = 0; i < g; i++) real_h += exponential(h[i] - highest_h), real_w += exponential(w[i] - highest_w);
  for (size_t i = g; i < n; i++) other_h += exponential(h[i] - highest_h), other_w += exponential(w[i] - highest_w);
  float sum = other_h * (real_w + other_w) + real_h * other_w;
  if (l >= g) sum += real_h * real_w;
  return highest_h + highest_w + logf(sum);
}

COHORT_CLONES void cohort_fold_padding(
    float *pad, size_t width, const float *td, const float *th, const float *tw, const float *ph, const float *pw, size_t a,
    size_t b, size_t g, size_t n) {
  size_t row = 2 * n - 1, zero = n - 1;
  float sums[n];
  for (size_t l = 0; l < n; l++) sums[l] = pad_sum(l, th, tw, ph, pw, b, g, n);
  for (size_t c = 0; c < g; c++, td += row, pad += width) {
    float highest = -INFINITY, sum = 0, term[n];
    for (size_t l = 0; l < n; l++) {
      term[l] = td[a + zero - l] + sums[l];
      highest = term[l] > highest ? term[l] : highest;
    }
    for (size_t l = 0; l < n; l++) sum += exponential(term[l] - highest);
    *pad += highest + logf(sum);
  }
}

void cohort_relative_terms_gradient(
    float *td, float *th, float *tw, const float *rows, size_t a, size_t b, size_t g, size_t n) {
  size_t row = 2 * n - 1, zero = n - 1;
  for (size_t c = 0; c < g; c++)
    for (size_t i = 0; i < g; i++)
      for (size_t j = 0; j < g; j++, rows += g)
        for (size_t l = 0; l < g; l++) {
          td[c * row + a + zero - l] += rows[l];
          th[i * row + b + zero - l] += rows[l];
          tw[j * row + j + zero - l] += rows[l];
        }
}
