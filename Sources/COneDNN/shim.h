// oneDNN's C interface, and one object for a 3D convolution in any of its three directions.
//
// The object is C because the descriptor calls differ between oneDNN 2.x and 3.x and because `dnnl_dims_t` arrays arrive in Swift as
// 12-element tuples. Activations are ndhwc. Weights are kept by the caller in PyTorch's oidhw, or a slice of its input channels; a
// reorder takes them to the form that the primitive likes ("packed") and back.
#ifndef COHORT_CONEDNN_SHIM_H
#define COHORT_CONEDNN_SHIM_H
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

enum { COHORT_FORWARD = 0, COHORT_BACKWARD_DATA = 1, COHORT_BACKWARD_WEIGHTS = 2 };

// dims: source and destination {N, C, D, H, W}; weights {O, I, D, H, W} with the strides of the array they are a slice of; strides and
// padding {D, H, W}.
typedef struct {
  int direction, has_bias, accumulates;
  const int64_t *source, *weights, *weight_strides, *destination, *strides, *padding;
} cohort_convolution_shape;

typedef struct {
  int direction;
  dnnl_primitive_t primitive, reorder;
  dnnl_memory_t source, weights, packed, bias, destination;
  // Working memory is the caller's: oneDNN's own belongs to the thread that made the primitive and is missing on any other.
  dnnl_memory_t scratch, reorder_scratch;
  size_t packed_bytes, scratch_bytes;
} cohort_convolution;

#define COHORT_TRY(call)                                     \
  do {                                                       \
    dnnl_status_t cohort_status = (call);                    \
    if (cohort_status != dnnl_success) return cohort_status; \
  } while (0)

// A memory descriptor: a value in 2.x, an object to be destroyed in 3.x. The functions below are all that depends on the version.
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t cohort_form;
#define COHORT_FORM(form) (form)
typedef dnnl_memory_desc_t cohort_owned_form;
static inline dnnl_status_t cohort_form_tagged(cohort_owned_form *form, int rank, const int64_t *dims, dnnl_format_tag_t tag) {
  return dnnl_memory_desc_create_with_tag(form, rank, dims, dnnl_f32, tag);
}
static inline dnnl_status_t cohort_form_strided(cohort_owned_form *form, int rank, const int64_t *dims, const int64_t *strides) {
  return dnnl_memory_desc_create_with_strides(form, rank, dims, dnnl_f32, strides);
}
static inline void cohort_form_free(cohort_owned_form form) { dnnl_memory_desc_destroy(form); }
static inline dnnl_status_t cohort_sum(dnnl_post_ops_t operations) { return dnnl_post_ops_append_sum(operations, 1, 0, dnnl_f32); }
#else
typedef const dnnl_memory_desc_t *cohort_form;
#define COHORT_FORM(form) (&(form))
typedef dnnl_memory_desc_t cohort_owned_form;
static inline dnnl_status_t cohort_form_tagged(cohort_owned_form *form, int rank, const int64_t *dims, dnnl_format_tag_t tag) {
  return dnnl_memory_desc_init_by_tag(form, rank, dims, dnnl_f32, tag);
}
static inline dnnl_status_t cohort_form_strided(cohort_owned_form *form, int rank, const int64_t *dims, const int64_t *strides) {
  return dnnl_memory_desc_init_by_strides(form, rank, dims, dnnl_f32, strides);
}
static inline void cohort_form_free(cohort_owned_form form) { (void)form; }
static inline dnnl_status_t cohort_sum(dnnl_post_ops_t operations) { return dnnl_post_ops_append_sum(operations, 1); }
#endif

typedef struct {
  cohort_owned_form source, weights_any, weights, bias, destination;
} cohort_forms;

// The primitive descriptor of a shape. The backward directions need that of the forward pass as a hint.
static inline dnnl_status_t cohort_describe(
    dnnl_primitive_desc_t *chosen, dnnl_engine_t engine, const cohort_convolution_shape *shape, const cohort_forms *forms,
    dnnl_primitive_attr_t attributes) {
  cohort_form source = COHORT_FORM(forms->source), weights = COHORT_FORM(forms->weights_any), destination = COHORT_FORM(forms->destination);
  cohort_form bias = shape->has_bias ? COHORT_FORM(forms->bias) : NULL;
  dnnl_primitive_attr_t forward_attributes = shape->direction == COHORT_FORWARD ? attributes : NULL;
  dnnl_primitive_desc_t hint = NULL;
#if DNNL_VERSION_MAJOR >= 3
  const int64_t dense[3] = {0, 0, 0};
  COHORT_TRY(dnnl_convolution_forward_primitive_desc_create(&hint, engine, dnnl_forward_training, dnnl_convolution_direct, source,
      weights, bias, destination, shape->strides, dense, shape->padding, shape->padding, forward_attributes));
  if (shape->direction == COHORT_BACKWARD_DATA)
    COHORT_TRY(dnnl_convolution_backward_data_primitive_desc_create(chosen, engine, dnnl_convolution_direct, source, weights,
        destination, shape->strides, dense, shape->padding, shape->padding, hint, attributes));
  if (shape->direction == COHORT_BACKWARD_WEIGHTS)
    COHORT_TRY(dnnl_convolution_backward_weights_primitive_desc_create(chosen, engine, dnnl_convolution_direct, source, weights, bias,
        destination, shape->strides, dense, shape->padding, shape->padding, hint, attributes));
#else
  dnnl_convolution_desc_t forward, backward;
  COHORT_TRY(dnnl_convolution_forward_desc_init(&forward, dnnl_forward_training, dnnl_convolution_direct, source, weights, bias,
      destination, shape->strides, shape->padding, shape->padding));
  COHORT_TRY(dnnl_primitive_desc_create(&hint, &forward, forward_attributes, engine, NULL));
  if (shape->direction == COHORT_BACKWARD_DATA)
    COHORT_TRY(dnnl_convolution_backward_data_desc_init(&backward, dnnl_convolution_direct, source, weights, destination,
        shape->strides, shape->padding, shape->padding));
  if (shape->direction == COHORT_BACKWARD_WEIGHTS)
    COHORT_TRY(dnnl_convolution_backward_weights_desc_init(&backward, dnnl_convolution_direct, source, weights, bias, destination,
        shape->strides, shape->padding, shape->padding));
  if (shape->direction != COHORT_FORWARD) COHORT_TRY(dnnl_primitive_desc_create(chosen, &backward, attributes, engine, hint));
#endif
  if (shape->direction == COHORT_FORWARD) *chosen = hint;
  else dnnl_primitive_desc_destroy(hint);
  return dnnl_success;
}

static inline dnnl_status_t cohort_attributes(dnnl_primitive_attr_t *attributes, int accumulates) {
  COHORT_TRY(dnnl_primitive_attr_create(attributes));
  COHORT_TRY(dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user));
  if (!accumulates) return dnnl_success;
  dnnl_post_ops_t operations;
  COHORT_TRY(dnnl_post_ops_create(&operations));
  COHORT_TRY(cohort_sum(operations));
  COHORT_TRY(dnnl_primitive_attr_set_post_ops(*attributes, operations));
  return dnnl_post_ops_destroy(operations);
}

// The working memory that `chosen` wants, as an object without data; `bytes` grows to hold it.
static inline dnnl_status_t cohort_scratch(dnnl_memory_t *memory, dnnl_primitive_desc_t chosen, dnnl_engine_t engine, size_t *bytes) {
  cohort_form form = dnnl_primitive_desc_query_md(chosen, dnnl_query_scratchpad_md, 0);
  size_t wanted = dnnl_memory_desc_get_size(form);
  if (wanted > *bytes) *bytes = wanted;
  return dnnl_memory_create(memory, form, engine, DNNL_MEMORY_NONE);
}

static inline dnnl_status_t cohort_reorder_create(
    cohort_convolution *c, dnnl_engine_t engine, cohort_form packed, cohort_form plain, dnnl_primitive_attr_t attributes) {
  int from_packed = c->direction == COHORT_BACKWARD_WEIGHTS;
  dnnl_primitive_desc_t reorder = NULL;
  COHORT_TRY(dnnl_reorder_primitive_desc_create(
      &reorder, from_packed ? packed : plain, engine, from_packed ? plain : packed, engine, attributes));
  COHORT_TRY(dnnl_primitive_create(&c->reorder, reorder));
  COHORT_TRY(cohort_scratch(&c->reorder_scratch, reorder, engine, &c->scratch_bytes));
  return dnnl_primitive_desc_destroy(reorder);
}

static inline dnnl_status_t cohort_convolution_create(
    cohort_convolution **result, dnnl_engine_t engine, const cohort_convolution_shape *shape) {
  cohort_forms forms;
  COHORT_TRY(cohort_form_tagged(&forms.source, 5, shape->source, dnnl_ndhwc));
  COHORT_TRY(cohort_form_tagged(&forms.weights_any, 5, shape->weights, dnnl_format_tag_any));
  COHORT_TRY(cohort_form_strided(&forms.weights, 5, shape->weights, shape->weight_strides));
  COHORT_TRY(cohort_form_tagged(&forms.bias, 1, shape->weights, dnnl_x));
  COHORT_TRY(cohort_form_tagged(&forms.destination, 5, shape->destination, dnnl_ndhwc));
  dnnl_primitive_attr_t attributes, plain_attributes;
  COHORT_TRY(cohort_attributes(&attributes, shape->accumulates));
  COHORT_TRY(cohort_attributes(&plain_attributes, 0));
  dnnl_primitive_desc_t chosen = NULL;
  COHORT_TRY(cohort_describe(&chosen, engine, shape, &forms, attributes));

  cohort_convolution *c = (cohort_convolution *)calloc(1, sizeof *c);
  if (c == NULL) return dnnl_out_of_memory;
  c->direction = shape->direction;
  dnnl_query_t which = shape->direction == COHORT_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
  cohort_form packed = dnnl_primitive_desc_query_md(chosen, which, 0);
  c->packed_bytes = dnnl_memory_desc_get_size(packed);
  COHORT_TRY(dnnl_primitive_create(&c->primitive, chosen));
  COHORT_TRY(dnnl_memory_create(&c->source, COHORT_FORM(forms.source), engine, DNNL_MEMORY_NONE));
  COHORT_TRY(dnnl_memory_create(&c->weights, COHORT_FORM(forms.weights), engine, DNNL_MEMORY_NONE));
  COHORT_TRY(dnnl_memory_create(&c->packed, packed, engine, DNNL_MEMORY_NONE));
  COHORT_TRY(dnnl_memory_create(&c->destination, COHORT_FORM(forms.destination), engine, DNNL_MEMORY_NONE));
  if (shape->has_bias) COHORT_TRY(dnnl_memory_create(&c->bias, COHORT_FORM(forms.bias), engine, DNNL_MEMORY_NONE));
  COHORT_TRY(cohort_reorder_create(c, engine, packed, COHORT_FORM(forms.weights), plain_attributes));
  COHORT_TRY(cohort_scratch(&c->scratch, chosen, engine, &c->scratch_bytes));

  dnnl_primitive_desc_destroy(chosen);
  dnnl_primitive_attr_destroy(attributes);
  dnnl_primitive_attr_destroy(plain_attributes);
  cohort_form_free(forms.source);
  cohort_form_free(forms.weights_any);
  cohort_form_free(forms.weights);
  cohort_form_free(forms.bias);
  cohort_form_free(forms.destination);
  *result = c;
  return dnnl_success;
}

// Weights to their packed form; for the weight gradient, from it. `scratch` holds `scratch_bytes` or more.
static inline dnnl_status_t cohort_convolution_reorder(
    cohort_convolution *c, dnnl_stream_t stream, void *weights, void *packed, void *scratch) {
  COHORT_TRY(dnnl_memory_set_data_handle(c->weights, weights));
  COHORT_TRY(dnnl_memory_set_data_handle(c->packed, packed));
  COHORT_TRY(dnnl_memory_set_data_handle(c->reorder_scratch, scratch));
  int from_packed = c->direction == COHORT_BACKWARD_WEIGHTS;
  dnnl_exec_arg_t arguments[3] = {
      {DNNL_ARG_FROM, from_packed ? c->packed : c->weights},
      {DNNL_ARG_TO, from_packed ? c->weights : c->packed},
      {DNNL_ARG_SCRATCHPAD, c->reorder_scratch}};
  COHORT_TRY(dnnl_primitive_execute(c->reorder, stream, 3, arguments));
  return dnnl_stream_wait(stream);
}

// Buffers that a direction does not write are read; bias may be NULL where the object was made without one.
static inline dnnl_status_t cohort_convolution_run(
    cohort_convolution *c, dnnl_stream_t stream, void *source, void *packed, void *bias, void *destination, void *scratch) {
  COHORT_TRY(dnnl_memory_set_data_handle(c->scratch, scratch));
  COHORT_TRY(dnnl_memory_set_data_handle(c->source, source));
  COHORT_TRY(dnnl_memory_set_data_handle(c->packed, packed));
  COHORT_TRY(dnnl_memory_set_data_handle(c->destination, destination));
  if (c->bias != NULL) COHORT_TRY(dnnl_memory_set_data_handle(c->bias, bias));
  static const int roles[3][4] = {
      {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS},
      {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_BIAS},
      {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_BIAS}};
  const int *role = roles[c->direction];
  dnnl_exec_arg_t arguments[5] = {
      {DNNL_ARG_SCRATCHPAD, c->scratch}, {role[0], c->source}, {role[1], c->packed}, {role[2], c->destination}, {role[3], c->bias}};
  COHORT_TRY(dnnl_primitive_execute(c->primitive, stream, c->bias != NULL ? 5 : 4, arguments));
  return dnnl_stream_wait(stream);
}

#endif
