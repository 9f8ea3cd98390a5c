// Open MPI's C interface. Swift cannot import macros that cast an address (all of Open MPI's handles), so each has an accessor here.
#ifndef COHORT_CMPI_SHIM_H
#define COHORT_CMPI_SHIM_H
#include <mpi.h>

// Communicators: addresses of global objects in Open MPI, integers in MPICH; only C can name both alike.
static inline MPI_Comm cohort_mpi_comm_world(void) { return MPI_COMM_WORLD; }

// Element types of messages: the same cast.
static inline MPI_Datatype cohort_mpi_byte(void) { return MPI_BYTE; }
static inline MPI_Datatype cohort_mpi_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype cohort_mpi_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype cohort_mpi_int64(void) { return MPI_INT64_T; }
static inline MPI_Datatype cohort_mpi_uint64(void) { return MPI_UINT64_T; }

// Reduction operations: the same cast.
static inline MPI_Op cohort_mpi_sum(void) { return MPI_SUM; }
static inline MPI_Op cohort_mpi_max(void) { return MPI_MAX; }
static inline MPI_Op cohort_mpi_bitwise_or(void) { return MPI_BOR; }

// Special values: MPI_IN_PLACE is (void *)1, the others are casts of 0 or of an address; nil stands for none of them.
static inline void *cohort_mpi_in_place(void) { return MPI_IN_PLACE; }
static inline MPI_Status *cohort_mpi_status_ignore(void) { return MPI_STATUS_IGNORE; }
static inline MPI_Info cohort_mpi_info_null(void) { return MPI_INFO_NULL; }
static inline MPI_Errhandler cohort_mpi_errors_return(void) { return MPI_ERRORS_RETURN; }

#endif
