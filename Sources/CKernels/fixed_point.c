// Sums of floats in 64-bit fixed point: integers, so that they do not depend on the order of their addends.
#include <string.h>

#include "CKernels.h"
#include "clones.h"

// Added to a double of magnitude up to 2^51, 1.5 2^52 leaves its nearest integer in the low bits of the sum: a conversion without branches,
// which every processor has as a vector instruction and which cannot trap on what is out of range. The product with a power of two is exact, so
// it may be fused with the addition.
static const double magic = 0x1.8p52;

COHORT_CLONES int32_t cohort_add_fixed_point(int64_t *sums, const float *values, double scale, size_t n) {
  int32_t largest = 0;
  int64_t magic_bits;
  memcpy(&magic_bits, &magic, sizeof magic);
  for (size_t i = 0; i < n; i++) {
    int32_t bits;
    int64_t whole;
    memcpy(&bits, &values[i], sizeof bits);
    bits &= 0x7fffffff;
    largest = bits > largest ? bits : largest;
    double shifted = (double)values[i] * scale + magic;
    memcpy(&whole, &shifted, sizeof shifted);
    sums[i] = (int64_t)((uint64_t)sums[i] + ((uint64_t)whole - (uint64_t)magic_bits));
  }
  return largest;
}

COHORT_CLONES void cohort_add_integers(int64_t *sums, const int64_t *addends, size_t n) {
  for (size_t i = 0; i < n; i++) sums[i] = (int64_t)((uint64_t)sums[i] + (uint64_t)addends[i]);
}

COHORT_CLONES void cohort_from_fixed_point(float *values, const int64_t *sums, double factor, size_t n) {
  for (size_t i = 0; i < n; i++) values[i] = (float)((double)sums[i] * factor);
}
