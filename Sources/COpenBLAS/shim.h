// CBLAS from OpenBLAS (the OpenMP build, so that it shares libgomp's threads with oneDNN).
#ifndef COHORT_COPENBLAS_SHIM_H
#define COHORT_COPENBLAS_SHIM_H
#include <cblas.h>
#endif
