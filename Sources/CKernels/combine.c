// Weighted sums of a few runs of floats: one axis of interpolation, of a kernel's taps, or of the adjoint of either.
#include "CKernels.h"
#include "clones.h"

typedef float lanes __attribute__((vector_size(64), aligned(4)));
enum { LANES = 16, ROUND = 4 };  // four accumulators hide the latency of an addition

// Vectors go through memory operands only: as arguments or results they would depend on the processor level of each clone.
static inline __attribute__((always_inline)) void add_terms(lanes *sum, const float *x, const cohort_terms *terms, size_t i, int rounds) {
  for (int k = 0; k < terms->count; k++)
    for (int r = 0; r < rounds; r++) sum[r] += terms->weight[k] * *(const lanes *)(x + terms->offset[k] + i + r * LANES);
}

static inline __attribute__((always_inline)) void put(float *y, const lanes *sum, int rounds, int accumulates) {
  for (int r = 0; r < rounds; r++) {
    lanes *to = (lanes *)(y + r * LANES);
    *to = accumulates ? *to + sum[r] : sum[r];
  }
}

static inline __attribute__((always_inline)) void combine_run(float *y, const float *x, const cohort_terms *terms, size_t n, int accumulates) {
  size_t i = 0;
  for (; i + ROUND * LANES <= n; i += ROUND * LANES) {
    lanes sum[ROUND] = {{0}};
    add_terms(sum, x, terms, i, ROUND);
    put(y + i, sum, ROUND, accumulates);
  }
  for (; i + LANES <= n; i += LANES) {
    lanes sum = {0};
    add_terms(&sum, x, terms, i, 1);
    put(y + i, &sum, 1, accumulates);
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
