// Loops that Swift's strict float order would not vectorise. Each works on one contiguous range; threading is the caller's.
// Axes: activations are rows of C channels (channels last), a row being one voxel; D H W are voxels, K classes.
#ifndef COHORT_CKERNELS_H
#define COHORT_CKERNELS_H
#include <stddef.h>
#include <stdint.h>

// processor.c: width of the vectors, 512 with AVX-512 (F, BW, DQ, VL), 256 with AVX2 and FMA, else 128
int cohort_vector_bits(void);
// Asks the kernel for slices of this length for the calling thread, whose policy must be SCHED_OTHER or SCHED_BATCH. 1 if it took the request; before
// Linux 6.12 it is without effect.
int cohort_set_time_slice(uint64_t nanoseconds);

// elementwise.c
void cohort_add(float *y, const float *x, size_t n);                           // y += x
void cohort_sum(float *y, const float *a, const float *b, size_t n);           // y = a + b
double cohort_inner_product(const float *a, const float *b, size_t n);
// v = momentum v + (g + decay p);  p -= rate v
void cohort_sgd(float *p, float *v, const float *g, float rate, float momentum, float decay, size_t n);
void cohort_sgd_nesterov(float *p, float *v, const float *g, float rate, float momentum, float decay, size_t n);
// m, v: running means of g and g g;  p = keep p - step m / (root sqrt(v) + epsilon)
void cohort_adamw(
    float *p, float *m, float *v, const float *g, float keep, float step, float root, float beta1, float beta2, float epsilon,
    size_t n);
// y = x keep-scaled where 16 hashed bits of (key, index) are >= threshold, else 0; index starts at first (a multiple of 4).
void cohort_dropout(float *y, const float *x, uint64_t key, uint64_t first, uint32_t threshold, float scale, size_t n);
// y = factors x, a factor for each channel; y may be x.
void cohort_scale_channels(float *y, const float *x, const float *factors, size_t rows, size_t channels);
void cohort_follow(float *y, const float *x, float keep, size_t n);  // y = keep y + (1 - keep) x
// y = x + standard_deviation N, the noise cut off at +-limit; N is the Gaussian of (key, index), index starts at first.
void cohort_add_noise(float *y, const float *x, uint64_t key, uint64_t first, float standard_deviation, float limit, size_t n);

// activations.c: gradients take dy to dx in place; that of gelu reads its input, the others their output.
void cohort_gelu(float *y, const float *x, size_t n);
void cohort_gelu_gradient(float *dy, const float *x, size_t n);
void cohort_relu(float *y, const float *x, size_t n);
void cohort_relu_gradient(float *dy, const float *y, size_t n);
void cohort_sigmoid(float *y, const float *x, size_t n);
void cohort_sigmoid_gradient(float *dy, const float *y, size_t n);
// Sum of -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)), and dz = scale (sigmoid(z) - t).
double cohort_binary_cross_entropy(const float *z, const float *t, size_t n);
void cohort_binary_cross_entropy_gradient(float *dz, const float *z, const float *t, float scale, size_t n);

// rows.c: each of `rows` rows of n values by itself.
void cohort_layer_norm(float *y, const float *x, const float *gain, const float *bias, float epsilon, size_t rows, size_t n);
// Takes dy to dx in place; adds to the sums[n] of gain and bias.
void cohort_layer_norm_gradient(
    float *dy, const float *x, const float *gain, float epsilon, size_t rows, size_t n, double *dgain, double *dbias);
void cohort_softmax_rows(float *x, size_t rows, size_t n);                              // in place
// dx = scale p (dp - <p, dp>), in the place of dp.
void cohort_softmax_rows_gradient(float *dp, const float *p, float scale, size_t rows, size_t n);

// combine.c: y[i] = sum over k of weight[k] x[offset[k] + i], or += that.
typedef struct {
  int32_t count;
  float weight[8];
  int64_t offset[8];
} cohort_terms;
// terms[output] gives y + output y_step; the same for each of `runs`, y_run and x_run apart; every run is n long.
void cohort_combine(
    float *y, int64_t y_step, const float *x, const cohort_terms *terms, size_t outputs, size_t runs, int64_t y_run, int64_t x_run,
    size_t n, int accumulates);

// normalization.c: `rows` rows of one block; sums are added to.
void cohort_moments(const float *x, const float *pivot, size_t rows, size_t channels, double *sum, double *squares);
// y = max(z, slope z) + after, z = scale x + shift + before; `before` and `after` may be NULL, at most one is given.
void cohort_normalize(
    float *y, const float *x, const float *scale, const float *shift, float slope, const float *before, const float *after,
    size_t rows, size_t channels);
// With g = dy where the activation let z through and slope dy elsewhere: adds g and g (x - mean) to the sums. Without a sum before the
// activation y is NULL, else it is the result (whose sign is that of z).
void cohort_normalization_sums(
    const float *dy, const float *x, const float *y, const float *scale, const float *shift, const float *mean, float slope,
    size_t rows, size_t channels, double *sum, double *product);
// dx = scale g + on_value x + constant; with y also dadded = g. dx or dadded may be dy itself.
void cohort_normalization_gradient(
    float *dx, float *dadded, const float *dy, const float *x, const float *y, const float *scale, const float *shift, float slope,
    const float *on_value, const float *constant, size_t rows, size_t channels);

// patches.c: rows of [D, H, W] blocks of `factors` voxels; block number `first` on. `row` = factors' product * channels values.
// Copies blocks of `fine` [B, fD D, fH H, fW W, C] into rows, and rows (+ bias, which may be NULL) back into `fine`.
void cohort_gather_patches(
    float *rows, const float *fine, const size_t coarse[3], const size_t factors[3], size_t channels, size_t first, size_t count);
void cohort_scatter_patches(
    float *fine, const float *rows, const float *bias, const size_t coarse[3], const size_t factors[3], size_t channels,
    size_t first, size_t count);
void cohort_add_to_rows(float *y, const float *bias, size_t rows, size_t channels);
void cohort_column_sums(const float *x, size_t rows, size_t channels, double *sums);

// resize.c: one row of the output (D and H given by the row pointers).
void cohort_max_pool_row(float *y, uint8_t *choice, const float *const rows[4], size_t width, size_t channels);
void cohort_max_pool_row_gradient(float *const rows[4], const float *dy, const uint8_t *choice, size_t width, size_t channels);
void cohort_weighted_rows(float *y, const float *const *rows, const float *weights, size_t count, size_t n);
void cohort_double_width(float *y, const float *x, size_t width, size_t channels);           // trilinear, along W

// classes.c: `n` voxels of K class scores.
void cohort_softmax(float *p, const float *logits, size_t n, size_t classes);
// dlogits = p (dp - <p, dp>)
void cohort_softmax_gradient(float *dlogits, const float *p, const float *dp, size_t n, size_t classes);
// sums[3 K]: sum p y, sum p p, sum y of each class; counts_others: voxels that belong to no class count in p p
void cohort_dice_sums(const float *p, const uint8_t *labels, int counts_others, size_t n, size_t classes, double *sums);
// dp = onLabel[k] [label == k] + onValue[k] p
void cohort_dice_gradient(
    float *dp, const float *p, const uint8_t *labels, int counts_others, const float *on_label, const float *on_value, size_t n,
    size_t classes);
double cohort_negative_log_sum(const float *p, const uint8_t *labels, size_t n, size_t classes);  // sum of -log p[label]
void cohort_cross_entropy_gradient(float *dlogits, const float *p, const uint8_t *labels, float scale, size_t n, size_t classes);
void cohort_argmax(uint8_t *labels, const float *scores, size_t n, size_t classes);

// plane_attention.c: attention of SAM on a plane, for the queries of `lines` lines of `width` places from line `first` of a window of n lines of n places,
// and its n * n keys. A row of th and tw has a query's products with 2 n - 1 distances, that to the key farthest behind it last.
void cohort_softmax_plane(float *rows, const float *th, const float *tw, size_t first, size_t lines, size_t width, size_t n);
// The sums of the gradients of logits by what th and tw hold.
void cohort_plane_terms_gradient(float *th, float *tw, const float *rows, size_t first, size_t lines, size_t width, size_t n);

// attention.c: attention with the relative positions of SAM-Med3D, for the g queries (a, b, 0 .. g - 1) and the g^3 keys (i, j, l).
// td, th, tw: products of the g query vectors with the vectors of 2 n - 1 distances, one row for each query; n is the window.
// Adds what positions contribute to the logits rows[c, key]; rows are `width` floats apart.
void cohort_add_relative_terms(
    float *rows, size_t width, const float *td, const float *th, const float *tw, size_t a, size_t b, size_t g, size_t n);
// pad[width c]: from the logit of a pad token without positions to that of all pad tokens of the window together, log sum e^logit.
// ph, pw: products of the pad query, [2 n - 1].
void cohort_fold_padding(
    float *pad, size_t width, const float *td, const float *th, const float *tw, const float *ph, const float *pw, size_t a,
    size_t b, size_t g, size_t n);
// Adds rows[c, key], the gradient of the logits, to that of the tables.
void cohort_relative_terms_gradient(
    float *td, float *th, float *tw, const float *rows, size_t a, size_t b, size_t g, size_t n);

// winograd.c: n floats from each plane; outputs first. B' of the input, A of the output's gradient, A' of the products, G and G' of weights.
void cohort_winograd_input(float *const t[6], const float *const d[], size_t n);             // d has 6 planes
void cohort_winograd_output_gradient(float *const t[6], const float *const dy[], size_t n);  // dy has 4 planes
void cohort_winograd_output(float *const y[], size_t planes, const float *const m[6], int accumulates, size_t n);  // planes is 1 to 4
// Filters w[3, 3, 3] that begin `step` floats apart, flipped in all axes if asked, to consecutive u[3, 3] of each of the 6 points, which
// are `stride` floats apart.
void cohort_winograd_weights(float *u, size_t stride, const float *w, size_t step, int flips, size_t filters);
// Consecutive dw[3, 3, 3] from consecutive u[3, 3] of the 6 points.
void cohort_winograd_weight_gradient(float *dw, const float *u, size_t stride, size_t filters);

// memory.c: what lies there may not be read or written until it is allowed again. AddressSanitizer stops a program that does; other builds do
// nothing.
void cohort_forbid(const void *start, size_t bytes);
void cohort_allow(const void *start, size_t bytes);

// fixed_point.c: sums[n] in units of 1 / scale, a power of two.
// Adds values[n], rounded to nearest. Returns the greatest magnitude, as the bits of a float: a NaN exceeds infinity exceeds every number.
int32_t cohort_add_fixed_point(int64_t *sums, const float *values, double scale, size_t n);
void cohort_add_integers(int64_t *sums, const int64_t *addends, size_t n);
void cohort_from_fixed_point(float *values, const int64_t *sums, double factor, size_t n);  // values = factor sums

// registration.c: y[w] = add m + x at start + w step + m, with m = scale moves[w] (nothing: 0), linear between voxels, for w < n. x is a
// grid [sides, 4], a place is clamped to it; inside[w] (nothing: not told) is 1 where it lies at most half a voxel beyond. y, moves: [n, 4],
// 16-byte aligned.
void cohort_sample_row(
    float *y, uint8_t *inside, const float *x, const int64_t sides[3], const float *moves, float scale, float add, const float start[3],
    const float step[3], size_t n);
#endif
