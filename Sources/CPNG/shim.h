// libpng, its simplified interface for writing pictures.
#ifndef COHORT_CPNG_SHIM_H
#define COHORT_CPNG_SHIM_H
#include <png.h>
#endif
