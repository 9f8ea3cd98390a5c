// oneDNN's C interface (2.x here; the descriptor calls that differ between 2.x and 3.x belong in this header).
#ifndef COHORT_CONEDNN_SHIM_H
#define COHORT_CONEDNN_SHIM_H
#include <dnnl.h>
#endif
