// Reading a grid of vectors of four floats at places between its voxels.
#include "CKernels.h"
#include "clones.h"

typedef float four __attribute__((vector_size(16)));

// A number that is none becomes 0.
static inline __attribute__((always_inline)) float within(float x, float high) { return x > 0 ? (x < high ? x : high) : 0; }

COHORT_CLONES void cohort_sample_row(
    float *restrict y, uint8_t *restrict inside, const float *x, const int64_t sides[3], const float *moves, float scale, float add,
    const float start[3], const float step[3], size_t n) {
  const four *from = (const four *)x;
  const int64_t row = sides[2], plane = sides[1] * sides[2];
  const float top[3] = {(float)(sides[0] - 1), (float)(sides[1] - 1), (float)(sides[2] - 1)};
  // Vectors of four are what there is to gain: the compiler would make gathers of them.
#pragma clang loop vectorize(disable) interleave(disable)
  for (size_t w = 0; w < n; w++) {
    four move = {0, 0, 0, 0};
    if (moves) move = scale * ((const four *)moves)[w];
    const float d = start[0] + (float)w * step[0] + move[0], h = start[1] + (float)w * step[1] + move[1],
                v = start[2] + (float)w * step[2] + move[2];
    if (inside)
      inside[w] = d >= -0.5f && d <= top[0] + 0.5f && h >= -0.5f && h <= top[1] + 0.5f && v >= -0.5f && v <= top[2] + 0.5f;
    const float cd = within(d, top[0]), ch = within(h, top[1]), cw = within(v, top[2]);
    const int32_t i = (int32_t)cd, j = (int32_t)ch, k = (int32_t)cw;
    const float fd = cd - (float)i, fh = ch - (float)j, fw = cw - (float)k;
    const four *at = from + i * plane + j * row + k;
    const int64_t sd = i + 1 < sides[0] ? plane : 0, sh = j + 1 < sides[1] ? row : 0, sw = k + 1 < sides[2] ? 1 : 0;
    const four a = at[0] + fw * (at[sw] - at[0]), b = at[sh] + fw * (at[sh + sw] - at[sh]);
    const four *far = at + sd;
    const four c = far[0] + fw * (far[sw] - far[0]), e = far[sh] + fw * (far[sh + sw] - far[sh]);
    const four near = a + fh * (b - a), beyond = c + fh * (e - c);
    ((four *)y)[w] = add * move + near + fd * (beyond - near);
  }
}
