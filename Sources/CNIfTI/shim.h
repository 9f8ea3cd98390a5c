// nifticlib: NIfTI-1 and NIfTI-2 headers and voxels.
#ifndef COHORT_CNIFTI_SHIM_H
#define COHORT_CNIFTI_SHIM_H
#include <nifti/nifti2_io.h>
#endif
