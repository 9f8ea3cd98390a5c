// How far two predictions of one voxel, or a prediction and a prior, are apart: gates, differences and their gradients.
#include <math.h>
#include <string.h>

#include "CKernels.h"
#include "clones.h"
#include "strongest.h"

static const float LEAST = 1e-7f;  // of a probability below a logarithm or a quotient

static inline float logarithm(float p) { return logf(p > LEAST ? p : LEAST); }

static float jensen_shannon(const float *p, const float *q, size_t classes) {
  float sum = 0;
  for (size_t k = 0; k < classes; k++) {
    float middle = logarithm(0.5f * (p[k] + q[k]));
    sum += 0.5f * (p[k] * (logarithm(p[k]) - middle) + q[k] * (logarithm(q[k]) - middle));
  }
  return sum;
}

static float weight(const float *p, const float *q, int kind, float threshold, float kappa, size_t classes) {
  size_t first = strongest(p, classes), second = strongest(q, classes);
  switch (kind) {
    case COHORT_GATE_HARD: return first == second && p[first] >= threshold && q[second] >= threshold;
    case COHORT_GATE_SOFT: return first == second ? powf(p[first] * q[second], kappa) : 0;
    case COHORT_GATE_SOFT_ALL: return powf(p[first] * q[second], kappa);
    default: return expf(-kappa * jensen_shannon(p, q, classes));
  }
}

void cohort_gate(
    float *w, const float *p, const float *q, int kind, float threshold, float kappa, size_t n, size_t classes, double *sums) {
  double open[2] = {0, 0}, foreground = 0;
  for (size_t v = 0; v < n; v++, p += classes, q += classes) {
    int side = strongest(p, classes) > 0;
    float own = w[v] * weight(p, q, kind, threshold, kappa, classes);
    w[v] = own;
    foreground += side;
    open[side] += own;
  }
  sums[0] += open[0], sums[1] += open[1], sums[2] += foreground;
}

void cohort_veto(float *w, const float *p, const float *prior, const uint8_t *present, int is_soft, size_t n, size_t classes) {
  for (size_t v = 0; v < n; v++, p += classes, prior += classes) {
    size_t own = strongest(p, classes);
    if (own > 0 && !present[own - 1]) w[v] = 1;
    else w[v] = is_soft ? prior[own] : strongest(prior, classes) == own;
  }
}

static inline float divergence(float p, float q) { return 0.5f * (p - q) * (logarithm(p) - logarithm(q)); }

// The derivative of `divergence` by p.
static inline float divergence_slope(float p, float q) {
  return 0.5f * (logarithm(p) - logarithm(q) + (p - q) / (p > LEAST ? p : LEAST));
}

COHORT_CLONES void cohort_gated_difference(
    const float *w, const float *p, const float *q, int is_divergence, size_t n, size_t classes, double *sums) {
  for (size_t v = 0; v < n; v++, p += classes, q += classes) {
    if (w[v] == 0) continue;
    float sum = 0;
    for (size_t k = 0; k < classes; k++) sum += is_divergence ? divergence(p[k], q[k]) : (p[k] - q[k]) * (p[k] - q[k]);
    sums[strongest(p, classes) > 0] += (double)w[v] * sum;
  }
}

COHORT_CLONES void cohort_gated_difference_gradient(
    float *dp, float *dq, const float *w, const float *p, const float *q, int is_divergence, const float scale[2], size_t n,
    size_t classes) {
  for (size_t v = 0; v < n; v++, p += classes, q += classes, dp += classes, dq += classes) {
    float factor = w[v] == 0 ? 0 : w[v] * scale[strongest(p, classes) > 0];
    for (size_t k = 0; k < classes; k++) {
      if (is_divergence) {
        dp[k] = factor == 0 ? 0 : factor * divergence_slope(p[k], q[k]);
        dq[k] = factor == 0 ? 0 : factor * divergence_slope(q[k], p[k]);
      } else {
        dp[k] = 2 * factor * (p[k] - q[k]);
        dq[k] = -dp[k];
      }
    }
  }
}

COHORT_CLONES void cohort_gated_overlap(
    const float *w, const float *p, const float *q, size_t n, size_t classes, double *sums) {
  for (size_t v = 0; v < n; v++, p += classes, q += classes)
    for (size_t k = 0; k < classes; k++) {
      sums[k] += (double)w[v] * p[k] * q[k];
      sums[classes + k] += (double)w[v] * (p[k] * p[k] + q[k] * q[k]);
    }
}

COHORT_CLONES void cohort_gated_overlap_gradient(
    float *dp, const float *w, const float *p, const float *q, const float *on_other, const float *on_own, size_t n,
    size_t classes) {
  for (size_t v = 0; v < n; v++)
    for (size_t k = 0; k < classes; k++) {
      size_t i = v * classes + k;
      dp[i] = w[v] * (on_other[k] * q[i] + on_own[k] * p[i]);
    }
}

void cohort_prior_probabilities(
    float *p, const float *logits, const uint8_t *present, float temperature, size_t n, size_t classes) {
  for (size_t v = 0; v < n; v++, logits += classes - 1, p += classes) {
    float none = 1, total = 0;
    for (size_t k = 1; k < classes; k++) {
      float own = present[k - 1] ? 1 / (1 + expf(-logits[k - 1] / temperature)) : 0;
      p[k] = own;
      none *= 1 - own;
      total += own;
    }
    p[0] = none;
    total += none;
    for (size_t k = 0; k < classes; k++) p[k] /= total;
  }
}

double cohort_distillation(
    float *difference, const float *q, const float *prior, const uint8_t *present, const float *w, size_t n, size_t classes) {
  double sum = 0;
  for (size_t v = 0; v < n; v++, q += classes, prior += classes, difference += classes) {
    float factor = w ? w[v] : 1, rest = 1;  // what the student gives to classes of which the prior says something
    for (size_t k = 1; k < classes; k++) rest -= present[k - 1] ? 0 : q[k];
    for (size_t k = 0; k < classes; k++) {
      float target = k > 0 && !present[k - 1] ? q[k] : rest * prior[k];
      difference[k] = factor * (q[k] - target);
      if (target > LEAST) sum += factor * target * (logarithm(target) - logarithm(q[k]));
    }
  }
  return sum;
}
