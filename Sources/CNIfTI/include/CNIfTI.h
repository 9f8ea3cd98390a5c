// nifticlib: NIfTI-1 and NIfTI-2 headers and byte swapping.
#ifndef COHORT_CNIFTI_H
#define COHORT_CNIFTI_H
#include <nifti/nifti2_io.h>
#endif
