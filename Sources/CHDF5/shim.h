// Parallel HDF5's C interface. Macros that call H5open() before they name a global cannot be imported by Swift: each has an accessor here.
#ifndef COHORT_CHDF5_SHIM_H
#define COHORT_CHDF5_SHIM_H
#include <hdf5.h>

// Property list classes.
static inline hid_t cohort_h5p_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t cohort_h5p_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t cohort_h5p_dataset_transfer(void) { return H5P_DATASET_XFER; }
static inline hid_t cohort_h5p_link_create(void) { return H5P_LINK_CREATE; }

// File modes: these macros call H5check() and H5open() too.
static inline unsigned cohort_h5f_exclusive(void) { return H5F_ACC_EXCL; }
static inline unsigned cohort_h5f_read_write(void) { return H5F_ACC_RDWR; }
static inline unsigned cohort_h5f_read_only(void) { return H5F_ACC_RDONLY; }

// Element types in memory (native) and in files (little-endian).
static inline hid_t cohort_h5t_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t cohort_h5t_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t cohort_h5t_native_uint8(void) { return H5T_NATIVE_UINT8; }
static inline hid_t cohort_h5t_native_int16(void) { return H5T_NATIVE_INT16; }
static inline hid_t cohort_h5t_native_uint32(void) { return H5T_NATIVE_UINT32; }
static inline hid_t cohort_h5t_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t cohort_h5t_native_uint64(void) { return H5T_NATIVE_UINT64; }
static inline hid_t cohort_h5t_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t cohort_h5t_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t cohort_h5t_uint8(void) { return H5T_STD_U8LE; }
static inline hid_t cohort_h5t_int16(void) { return H5T_STD_I16LE; }
static inline hid_t cohort_h5t_uint32(void) { return H5T_STD_U32LE; }
static inline hid_t cohort_h5t_int64(void) { return H5T_STD_I64LE; }
static inline hid_t cohort_h5t_uint64(void) { return H5T_STD_U64LE; }
static inline hid_t cohort_h5t_c_string(void) { return H5T_C_S1; }

// Casts, which the importer skips; hdf5.h brings mpi.h with it.
static inline MPI_Info cohort_h5_mpi_info_null(void) { return MPI_INFO_NULL; }
static inline haddr_t cohort_h5_undefined_address(void) { return HADDR_UNDEF; }

#endif
