// The exponential function for loops that are to be vectorised, which expf is not.
#ifndef COHORT_EXPONENTIAL_H
#define COHORT_EXPONENTIAL_H
#include <stdint.h>

// e^x for x <= 0 within 2e-7 relative: Cody-Waite reduction and a degree-6 polynomial.
static inline float exponential(float x) {
  x = x < -87.0f ? -87.0f : x;
  float n = __builtin_rintf(x * 1.44269504088896341f);
  float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  union { int32_t bits; float value; } power = {.bits = ((int32_t)n + 127) << 23};
  return p * power.value;
}
#endif
