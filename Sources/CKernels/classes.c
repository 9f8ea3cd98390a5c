// Class scores of voxels: softmax, and the sums and gradients of the losses on it. Labels are bytes 0..K-1; others name no
// class.
#include <math.h>
#include <string.h>

#include "CKernels.h"
#include "clones.h"
#include "exponential.h"

enum { BLOCK = 64 };  // voxels that are transposed to class-major order at a time, so that loops run along voxels

COHORT_CLONES void cohort_softmax(float *p, const float *logits, size_t n, size_t classes) {
  float score[classes * BLOCK], highest[BLOCK], total[BLOCK];
  for (size_t start = 0; start < n; start += BLOCK) {
    size_t length = n - start < BLOCK ? n - start : BLOCK;
    const float *z = logits + start * classes;
    float *out = p + start * classes;
    for (size_t v = 0; v < length; v++)
      for (size_t k = 0; k < classes; k++) score[k * BLOCK + v] = z[v * classes + k];
    for (size_t v = 0; v < length; v++) highest[v] = score[v], total[v] = 0;
    for (size_t k = 1; k < classes; k++)
      for (size_t v = 0; v < length; v++) highest[v] = score[k * BLOCK + v] > highest[v] ? score[k * BLOCK + v] : highest[v];
    for (size_t k = 0; k < classes; k++)
      for (size_t v = 0; v < length; v++) {
        score[k * BLOCK + v] = exponential(score[k * BLOCK + v] - highest[v]);
        total[v] += score[k * BLOCK + v];
      }
    for (size_t v = 0; v < length; v++) total[v] = 1 / total[v];
    for (size_t v = 0; v < length; v++)
      for (size_t k = 0; k < classes; k++) out[v * classes + k] = score[k * BLOCK + v] * total[v];
  }
}

COHORT_CLONES void cohort_softmax_gradient(float *dlogits, const float *p, const float *dp, size_t n, size_t classes) {
  for (size_t v = 0; v < n; v++, p += classes, dp += classes, dlogits += classes) {
    float inner = 0;
    for (size_t k = 0; k < classes; k++) inner += p[k] * dp[k];
    for (size_t k = 0; k < classes; k++) dlogits[k] = p[k] * (dp[k] - inner);
  }
}

COHORT_CLONES void cohort_dice_sums(
    const float *p, const uint8_t *labels, int counts_others, size_t n, size_t classes, double *sums) {
  double *both = sums, *squares = sums + classes, *count = sums + 2 * classes;
  for (size_t v = 0; v < n; v++, p += classes) {
    int is_class = labels[v] < classes;
    if (!is_class && !counts_others) continue;
    for (size_t k = 0; k < classes; k++) squares[k] += (double)p[k] * p[k];
    if (!is_class) continue;
    both[labels[v]] += p[labels[v]];
    count[labels[v]] += 1;
  }
}

COHORT_CLONES void cohort_dice_gradient(
    float *dp, const float *p, const uint8_t *labels, int counts_others, const float *on_label, const float *on_value, size_t n,
    size_t classes) {
  for (size_t v = 0; v < n; v++, p += classes, dp += classes) {
    int is_class = labels[v] < classes;
    for (size_t k = 0; k < classes; k++) dp[k] = is_class || counts_others ? on_value[k] * p[k] : 0;
    if (is_class) dp[labels[v]] += on_label[labels[v]];
  }
}

double cohort_negative_log_sum(const float *p, const uint8_t *labels, size_t n, size_t classes) {
  double sum = 0;
  for (size_t v = 0; v < n; v++) {
    if (labels[v] >= classes) continue;
    float q = p[v * classes + labels[v]];
    sum -= log(q > 1e-38f ? q : 1e-38f);
  }
  return sum;
}

COHORT_CLONES void cohort_cross_entropy_gradient(
    float *dlogits, const float *p, const uint8_t *labels, float scale, size_t n, size_t classes) {
  for (size_t v = 0; v < n; v++, p += classes, dlogits += classes) {
    int is_class = labels[v] < classes;
    for (size_t k = 0; k < classes; k++) dlogits[k] = is_class ? scale * p[k] : 0;
    if (is_class) dlogits[labels[v]] -= scale;
  }
}

static inline size_t argmax(const float *scores, size_t classes) {
  size_t best = 0;
  for (size_t k = 1; k < classes; k++) best = scores[k] > scores[best] ? k : best;
  return best;
}

void cohort_argmax(uint8_t *labels, const float *scores, size_t n, size_t classes) {
  for (size_t v = 0; v < n; v++) labels[v] = (uint8_t)argmax(scores + v * classes, classes);
}
