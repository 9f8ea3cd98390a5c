// oneDNN's C interface, and one object for a 3D convolution in any of its three directions.
//
// The object is C because the descriptor calls differ between oneDNN 2.x and 3.x and because `dnnl_dims_t` arrays arrive in Swift as
// 12-element tuples. Activations are ndhwc; weights come and go in PyTorch's plain oidhw and are reordered to what the primitive likes.
#ifndef COHORT_CONEDNN_SHIM_H
#define COHORT_CONEDNN_SHIM_H
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

enum { COHORT_FORWARD = 0, COHORT_BACKWARD_DATA = 1, COHORT_BACKWARD_WEIGHTS = 2 };

typedef struct {
  int direction, reorders;
  dnnl_primitive_t primitive, reorder;
  dnnl_memory_t source, weights, packed, bias, destination;  // `weights` is oidhw, `packed` the primitive's own format
  // Working memory is the caller's: oneDNN's own belongs to the thread that made the primitive and is missing on any other.
  dnnl_memory_t scratch, reorder_scratch;
  size_t scratch_bytes;
} cohort_convolution;

#define COHORT_TRY(call)                          \
  do {                                            \
    dnnl_status_t cohort_status = (call);         \
    if (cohort_status != dnnl_success) return cohort_status; \
  } while (0)

static inline dnnl_status_t cohort_memory(dnnl_memory_t *memory, const dnnl_memory_desc_t *form, dnnl_engine_t engine, void *data) {
  return dnnl_memory_create(memory, form, engine, data);
}

// The working memory that `chosen` wants, as an object without data; `bytes` grows to hold it.
static inline dnnl_status_t cohort_scratch(dnnl_memory_t *memory, dnnl_primitive_desc_t chosen, dnnl_engine_t engine, size_t *bytes) {
  const dnnl_memory_desc_t *form = dnnl_primitive_desc_query_md(chosen, dnnl_query_scratchpad_md, 0);
  size_t wanted = dnnl_memory_desc_get_size(form);
  if (wanted > *bytes) *bytes = wanted;
  return cohort_memory(memory, form, engine, DNNL_MEMORY_NONE);
}

// dims: source and destination {N, C, D, H, W}; weights {O, I, D, H, W}; strides and padding {D, H, W}.
static inline dnnl_status_t cohort_convolution_create(
    cohort_convolution **result, dnnl_engine_t engine, int direction, const int64_t *source, const int64_t *weights,
    const int64_t *destination, const int64_t *strides, const int64_t *padding, int has_bias) {
  dnnl_memory_desc_t source_form, weights_any, weights_plain, bias_form, destination_form;
  COHORT_TRY(dnnl_memory_desc_init_by_tag(&source_form, 5, source, dnnl_f32, dnnl_ndhwc));
  COHORT_TRY(dnnl_memory_desc_init_by_tag(&weights_any, 5, weights, dnnl_f32, dnnl_format_tag_any));
  COHORT_TRY(dnnl_memory_desc_init_by_tag(&weights_plain, 5, weights, dnnl_f32, dnnl_oidhw));
  COHORT_TRY(dnnl_memory_desc_init_by_tag(&bias_form, 1, weights, dnnl_f32, dnnl_x));
  COHORT_TRY(dnnl_memory_desc_init_by_tag(&destination_form, 5, destination, dnnl_f32, dnnl_ndhwc));

  dnnl_primitive_attr_t attributes;
  COHORT_TRY(dnnl_primitive_attr_create(&attributes));
  COHORT_TRY(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user));

  dnnl_convolution_desc_t descriptor, hint_descriptor;
  dnnl_primitive_desc_t hint = NULL, chosen = NULL;
  const dnnl_memory_desc_t *bias = has_bias ? &bias_form : NULL;
  COHORT_TRY(dnnl_convolution_forward_desc_init(&hint_descriptor, dnnl_forward_training, dnnl_convolution_direct, &source_form,
      &weights_any, bias, &destination_form, strides, padding, padding));
  if (direction == COHORT_FORWARD) {
    COHORT_TRY(dnnl_primitive_desc_create(&chosen, &hint_descriptor, attributes, engine, NULL));
  } else {
    COHORT_TRY(dnnl_primitive_desc_create(&hint, &hint_descriptor, NULL, engine, NULL));
    if (direction == COHORT_BACKWARD_DATA)
      COHORT_TRY(dnnl_convolution_backward_data_desc_init(&descriptor, dnnl_convolution_direct, &source_form, &weights_any,
          &destination_form, strides, padding, padding));
    else
      COHORT_TRY(dnnl_convolution_backward_weights_desc_init(&descriptor, dnnl_convolution_direct, &source_form, &weights_any, bias,
          &destination_form, strides, padding, padding));
    COHORT_TRY(dnnl_primitive_desc_create(&chosen, &descriptor, attributes, engine, hint));
    dnnl_primitive_desc_destroy(hint);
  }

  cohort_convolution *c = (cohort_convolution *)calloc(1, sizeof *c);
  if (c == NULL) return dnnl_out_of_memory;
  c->direction = direction;
  dnnl_query_t which = direction == COHORT_BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md;
  const dnnl_memory_desc_t *packed_form = dnnl_primitive_desc_query_md(chosen, which, 0);
  COHORT_TRY(dnnl_primitive_create(&c->primitive, chosen));
  COHORT_TRY(cohort_memory(&c->source, &source_form, engine, DNNL_MEMORY_NONE));
  COHORT_TRY(cohort_memory(&c->weights, &weights_plain, engine, DNNL_MEMORY_NONE));
  COHORT_TRY(cohort_memory(&c->destination, &destination_form, engine, DNNL_MEMORY_NONE));
  if (has_bias) COHORT_TRY(cohort_memory(&c->bias, &bias_form, engine, DNNL_MEMORY_NONE));
  c->reorders = !dnnl_memory_desc_equal(packed_form, &weights_plain);
  if (c->reorders) {
    COHORT_TRY(cohort_memory(&c->packed, packed_form, engine, DNNL_MEMORY_ALLOCATE));
    dnnl_primitive_desc_t reorder = NULL;
    int from_packed = direction == COHORT_BACKWARD_WEIGHTS;
    COHORT_TRY(dnnl_reorder_primitive_desc_create(&reorder, from_packed ? packed_form : &weights_plain, engine,
        from_packed ? &weights_plain : packed_form, engine, attributes));
    COHORT_TRY(dnnl_primitive_create(&c->reorder, reorder));
    COHORT_TRY(cohort_scratch(&c->reorder_scratch, reorder, engine, &c->scratch_bytes));
    dnnl_primitive_desc_destroy(reorder);
  }
  COHORT_TRY(cohort_scratch(&c->scratch, chosen, engine, &c->scratch_bytes));
  dnnl_primitive_desc_destroy(chosen);
  dnnl_primitive_attr_destroy(attributes);
  *result = c;
  return dnnl_success;
}

static inline dnnl_status_t cohort_convolution_reorder(cohort_convolution *c, dnnl_stream_t stream) {
  int from_packed = c->direction == COHORT_BACKWARD_WEIGHTS;
  dnnl_exec_arg_t arguments[3] = {
      {DNNL_ARG_FROM, from_packed ? c->packed : c->weights},
      {DNNL_ARG_TO, from_packed ? c->weights : c->packed},
      {DNNL_ARG_SCRATCHPAD, c->reorder_scratch}};
  return dnnl_primitive_execute(c->reorder, stream, 3, arguments);
}

// Buffers that a direction does not write are read; bias may be NULL where the object was made without one; `scratch` holds
// `scratch_bytes` or more.
static inline dnnl_status_t cohort_convolution_run(
    cohort_convolution *c, dnnl_stream_t stream, void *source, void *weights, void *bias, void *destination, void *scratch) {
  COHORT_TRY(dnnl_memory_set_data_handle(c->scratch, scratch));
  if (c->reorders) COHORT_TRY(dnnl_memory_set_data_handle(c->reorder_scratch, scratch));
  COHORT_TRY(dnnl_memory_set_data_handle(c->source, source));
  COHORT_TRY(dnnl_memory_set_data_handle(c->weights, weights));
  COHORT_TRY(dnnl_memory_set_data_handle(c->destination, destination));
  if (c->bias != NULL) COHORT_TRY(dnnl_memory_set_data_handle(c->bias, bias));
  dnnl_memory_t form = c->reorders ? c->packed : c->weights;
  if (c->reorders && c->direction != COHORT_BACKWARD_WEIGHTS) COHORT_TRY(cohort_convolution_reorder(c, stream));
  dnnl_exec_arg_t arguments[5];
  int count = 3;
  switch (c->direction) {
    case COHORT_FORWARD:
      arguments[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, c->source};
      arguments[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, form};
      arguments[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, c->destination};
      if (c->bias != NULL) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, c->bias};
      break;
    case COHORT_BACKWARD_DATA:
      arguments[0] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_SRC, c->source};
      arguments[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, form};
      arguments[2] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_DST, c->destination};
      break;
    default:
      arguments[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, c->source};
      arguments[1] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_WEIGHTS, form};
      arguments[2] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_DST, c->destination};
      if (c->bias != NULL) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_BIAS, c->bias};
  }
  arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, c->scratch};
  COHORT_TRY(dnnl_primitive_execute(c->primitive, stream, count, arguments));
  if (c->reorders && c->direction == COHORT_BACKWARD_WEIGHTS) COHORT_TRY(cohort_convolution_reorder(c, stream));
  return dnnl_stream_wait(stream);
}

#endif
