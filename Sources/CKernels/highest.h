// The largest of a row of numbers: the compiler does not split a maximum into lanes by itself.
#ifndef COHORT_HIGHEST_H
#define COHORT_HIGHEST_H
#include <stddef.h>

enum { LANES = 16 };

static inline __attribute__((always_inline)) float highest_of(const float *x, size_t n) {
  float lane[LANES], highest = x[0];
  for (size_t k = 0; k < LANES; k++) lane[k] = x[0];
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t k = 0; k < LANES; k++) lane[k] = x[i + k] > lane[k] ? x[i + k] : lane[k];
  for (; i < n; i++) highest = x[i] > highest ? x[i] : highest;
  for (size_t k = 0; k < LANES; k++) highest = lane[k] > highest ? lane[k] : highest;
  return highest;
}
#endif
