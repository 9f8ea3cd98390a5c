// The strongest of K scores; ties go to the lower class.
#ifndef COHORT_STRONGEST_H
#define COHORT_STRONGEST_H
#include <stddef.h>

static inline size_t strongest(const float *scores, size_t classes) {
  size_t best = 0;
  for (size_t k = 1; k < classes; k++) best = scores[k] > scores[best] ? k : best;
  return best;
}
#endif
