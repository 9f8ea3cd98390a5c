/* The bytes of the demo prior and of the demo SAM: safetensors, each from its start up to its end. */

#ifndef COHORT_DEMO_WEIGHTS_H
#define COHORT_DEMO_WEIGHTS_H

extern const unsigned char cohort_demo_prior[], cohort_demo_prior_end[];
extern const unsigned char cohort_demo_sam[], cohort_demo_sam_end[];

/* Pointers, because Swift does not import arrays of unknown length. */
static inline const void *cohort_demo_prior_start(void) { return cohort_demo_prior; }
static inline long cohort_demo_prior_bytes(void) { return cohort_demo_prior_end - cohort_demo_prior; }
static inline const void *cohort_demo_sam_start(void) { return cohort_demo_sam; }
static inline long cohort_demo_sam_bytes(void) { return cohort_demo_sam_end - cohort_demo_sam; }

#endif
