// Winograd's F(4, 3) along depth: 4 outputs of a 3-tap filter from 6 products, at the points 0, 1, -1, 2, -2 and infinity.
//
// Each function reads some planes and writes others, element by element, n floats from each. With d 6 input planes, g 3 taps of a
// filter, y 4 output planes: y = A' [(G g) (B' d)], and the gradient of g is G' [(B' d) (A dy)].
#include "CKernels.h"
#include "clones.h"

COHORT_CLONES void cohort_winograd_input(float *const t[6], const float *const d[], size_t n) {
  const float *restrict d0 = d[0], *restrict d1 = d[1], *restrict d2 = d[2], *restrict d3 = d[3], *restrict d4 = d[4],
              *restrict d5 = d[5];
  float *restrict t0 = t[0], *restrict t1 = t[1], *restrict t2 = t[2], *restrict t3 = t[3], *restrict t4 = t[4], *restrict t5 = t[5];
  for (size_t i = 0; i < n; i++) {
    float even = d4[i] - 4 * d2[i], odd = d3[i] - 4 * d1[i];
    float even2 = d4[i] - d2[i], odd2 = 2 * (d3[i] - d1[i]);
    t0[i] = 4 * (d0[i] - d2[i]) + even2;
    t1[i] = even + odd;
    t2[i] = even - odd;
    t3[i] = even2 + odd2;
    t4[i] = even2 - odd2;
    t5[i] = 4 * (d1[i] - d3[i]) + (d5[i] - d3[i]);
  }
}

COHORT_CLONES void cohort_winograd_output_gradient(float *const t[6], const float *const dy[], size_t n) {
  const float *restrict y0 = dy[0], *restrict y1 = dy[1], *restrict y2 = dy[2], *restrict y3 = dy[3];
  float *restrict t0 = t[0], *restrict t1 = t[1], *restrict t2 = t[2], *restrict t3 = t[3], *restrict t4 = t[4], *restrict t5 = t[5];
  for (size_t i = 0; i < n; i++) {
    float even = y0[i] + y2[i], odd = y1[i] + y3[i];
    float even2 = y0[i] + 4 * y2[i], odd2 = 2 * (y1[i] + 4 * y3[i]);
    t0[i] = y0[i];
    t1[i] = even + odd;
    t2[i] = even - odd;
    t3[i] = even2 + odd2;
    t4[i] = even2 - odd2;
    t5[i] = y3[i];
  }
}

enum { BLOCK = 256 };

// Up to BLOCK values of the 4 output planes.
static inline __attribute__((always_inline)) void output_block(float y[4][BLOCK], const float *const m[6], size_t start, size_t n) {
  const float *m0 = m[0] + start, *m1 = m[1] + start, *m2 = m[2] + start, *m3 = m[3] + start, *m4 = m[4] + start, *m5 = m[5] + start;
  for (size_t i = 0; i < n; i++) {
    float sum = m1[i] + m2[i], difference = m1[i] - m2[i], sum2 = m3[i] + m4[i], difference2 = m3[i] - m4[i];
    y[0][i] = m0[i] + sum + sum2;
    y[1][i] = difference + 2 * difference2;
    y[2][i] = sum + 4 * sum2;
    y[3][i] = difference + 8 * difference2 + m5[i];
  }
}

COHORT_CLONES void cohort_winograd_output(float *const y[], size_t planes, const float *const m[6], int accumulates, size_t n) {
  float block[4][BLOCK];
  for (size_t start = 0; start < n; start += BLOCK) {
    size_t length = n - start < BLOCK ? n - start : BLOCK;
    output_block(block, m, start, length);
    for (size_t plane = 0; plane < planes; plane++) {
      float *to = y[plane] + start;
      if (accumulates)
        for (size_t i = 0; i < length; i++) to[i] += block[plane][i];
      else
        for (size_t i = 0; i < length; i++) to[i] = block[plane][i];
    }
  }
}

enum { PLANE_TAPS = 9 };

// always_inline, so that `flips` is a constant of the loop.
static inline __attribute__((always_inline)) void transform_filter(float *restrict u, size_t stride, const float *restrict w, int flips) {
  for (size_t i = 0; i < PLANE_TAPS; i++) {
    float a = w[i], b = w[PLANE_TAPS + i], c = w[2 * PLANE_TAPS + i], w0 = flips ? c : a, w2 = flips ? a : c;
    float even = (w0 + w2) * (-1 / 6.f), odd = b * (-1 / 6.f);
    float even2 = w0 * (1 / 24.f) + w2 * (1 / 6.f), odd2 = b * (1 / 12.f);
    float *to = u + (flips ? PLANE_TAPS - 1 - i : i);
    to[0] = w0 * 0.25f;
    to[stride] = even + odd;
    to[2 * stride] = even - odd;
    to[3 * stride] = even2 + odd2;
    to[4 * stride] = even2 - odd2;
    to[5 * stride] = w2;
  }
}

COHORT_CLONES void cohort_winograd_weights(
    float *restrict u, size_t stride, const float *restrict w, size_t step, int flips, size_t filters) {
  for (size_t filter = 0; filter < filters; filter++, u += PLANE_TAPS, w += step) {
    if (flips) transform_filter(u, stride, w, 1);
    else transform_filter(u, stride, w, 0);
  }
}

COHORT_CLONES void cohort_winograd_weight_gradient(float *restrict dw, const float *restrict u, size_t stride, size_t filters) {
  for (size_t filter = 0; filter < filters; filter++, u += PLANE_TAPS, dw += 3 * PLANE_TAPS)
    for (size_t i = 0; i < PLANE_TAPS; i++) {
      float u1 = u[stride + i], u2 = u[2 * stride + i], u3 = u[3 * stride + i], u4 = u[4 * stride + i];
      float sum = (u1 + u2) * (1 / 6.f), sum2 = u3 + u4;
      dw[i] = u[i] * 0.25f - sum + sum2 * (1 / 24.f);
      dw[PLANE_TAPS + i] = (u2 - u1) * (1 / 6.f) + (u3 - u4) * (1 / 12.f);
      dw[2 * PLANE_TAPS + i] = sum2 * (1 / 6.f) - sum + u[5 * stride + i];
    }
}
