// Parallel HDF5's C interface. Macros that call H5open() cannot be imported by Swift: each has an accessor here.
#ifndef COHORT_CHDF5_SHIM_H
#define COHORT_CHDF5_SHIM_H
#include <hdf5.h>

#endif
