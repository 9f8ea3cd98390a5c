// A prediction against a fixed target, and what makes targets and their weights: certainty, and a prior's logits.
#include <math.h>

#include "CKernels.h"
#include "clones.h"
#include "strongest.h"

COHORT_CLONES void cohort_squared_difference(
    const float *p, const float *q, const float *weights, size_t n, size_t classes, double sums[2]) {
  COHORT_REASSOCIATE
  double difference = 0, weight = 0;
  for (size_t v = 0; v < n; v++) {
    float squares = 0, w = weights ? weights[v] : 1;
    for (size_t i = v * classes; i < (v + 1) * classes; i++) squares += (p[i] - q[i]) * (p[i] - q[i]);
    difference += w * squares;
    weight += w;
  }
  sums[0] += difference, sums[1] += weight;
}

COHORT_CLONES void cohort_squared_difference_gradient(
    float *dp, const float *p, const float *q, const float *weights, float scale, size_t n, size_t classes) {
  for (size_t v = 0; v < n; v++) {
    float factor = weights ? scale * weights[v] : scale;
    for (size_t i = v * classes; i < (v + 1) * classes; i++) dp[i] = factor * (p[i] - q[i]);
  }
}

void cohort_certain(float *weights, const float *p, float share, float limit, size_t n, size_t classes) {
  for (size_t v = 0; v < n; v++) {
    float entropy = 0;
    for (size_t i = v * classes; i < (v + 1) * classes; i++) entropy -= share * p[i] * logf(share * p[i] + 1e-6f);
    weights[v] = entropy < limit;
  }
}

void cohort_falling_weights(float *weights, const float *u, float factor, size_t n, size_t channels) {
  for (size_t v = 0; v < n; v++) {
    float sum = 0;
    for (size_t i = v * channels; i < (v + 1) * channels; i++) sum += u[i];
    weights[v] = expf(-factor * sum);
  }
}

void cohort_prior_labels(
    uint8_t *labels, const float *z, const float *p, const uint8_t *present, size_t n, size_t classes) {
  for (size_t v = 0; v < n; v++, p += classes, z += classes - 1) {
    size_t own = strongest(p, classes), best = present[own] ? 0 : own;
    float highest = 0;
    for (size_t k = 1; k < classes; k++)
      if (present[k] && z[k - 1] > highest) best = k, highest = z[k - 1];
    labels[v] = (uint8_t)best;
  }
}
