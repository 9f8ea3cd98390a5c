// Open MPI's C interface. Swift cannot import macros that cast an address, so each handle constant has an accessor here.
#ifndef COHORT_CMPI_SHIM_H
#define COHORT_CMPI_SHIM_H
#include <mpi.h>

static inline MPI_Comm cohort_mpi_comm_world(void) { return MPI_COMM_WORLD; }

#endif
