// Weighted sums of a few runs of floats: one axis of interpolation, of a kernel's taps, or of the adjoint of either.
#include "CKernels.h"
#include "clones.h"

typedef float lanes __attribute__((vector_size(64), aligned(4)));
enum { LANES = 16, ROUND = 4 };  // four accumulators hide the latency of an addition

static inline lanes term(const float *x, const cohort_terms *terms, int k, size_t i) {
  return terms->weight[k] * *(const lanes *)(x + terms->offset[k] + i);
}

static inline void put(float *y, lanes sum, int accumulates) { *(lanes *)y = accumulates ? *(const lanes *)y + sum : sum; }

static inline void combine_run(float *y, const float *x, const cohort_terms *terms, size_t n, int accumulates) {
  size_t i = 0;
  for (; i + ROUND * LANES <= n; i += ROUND * LANES) {
    lanes sum[ROUND] = {{0}};
    for (int k = 0; k < terms->count; k++)
      for (int r = 0; r < ROUND; r++) sum[r] += term(x, terms, k, i + r * LANES);
    for (int r = 0; r < ROUND; r++) put(y + i + r * LANES, sum[r], accumulates);
  }
  for (; i + LANES <= n; i += LANES) {
    lanes sum = {0};
    for (int k = 0; k < terms->count; k++) sum += term(x, terms, k, i);
    put(y + i, sum, accumulates);
  }
  for (; i < n; i++) {
    float sum = 0;
    for (int k = 0; k < terms->count; k++) sum += terms->weight[k] * x[terms->offset[k] + i];
    y[i] = accumulates ? y[i] + sum : sum;
  }
}

COHORT_CLONES void cohort_combine(
    float *y, int64_t y_step, const float *x, const cohort_terms *terms, size_t outputs, size_t runs, int64_t y_run, int64_t x_run,
    size_t n, int accumulates) {
  for (size_t output = 0; output < outputs; output++)
    for (size_t run = 0; run < runs; run++)
      combine_run(y + output * y_step + run * y_run, x + run * x_run, terms + output, n, accumulates);
}
