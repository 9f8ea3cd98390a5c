// Loops that Swift's strict float order would not vectorise. Each works on one contiguous range; threading is the caller's.
#ifndef COHORT_CKERNELS_H
#define COHORT_CKERNELS_H
#include <stddef.h>
#include <stdint.h>

// One binary for every node type: the loader picks the widest version that the processor has.
#define COHORT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

#endif
