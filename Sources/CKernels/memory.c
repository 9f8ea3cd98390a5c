// Memory that nobody may touch, for a build with AddressSanitizer: it knows what malloc hands out, and has to be told of the pool's blocks.
#include "CKernels.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COHORT_SANITIZED
#endif
#endif

#ifdef COHORT_SANITIZED
#include <sanitizer/asan_interface.h>
void cohort_forbid(const void *start, size_t bytes) { ASAN_POISON_MEMORY_REGION(start, bytes); }
void cohort_allow(const void *start, size_t bytes) { ASAN_UNPOISON_MEMORY_REGION(start, bytes); }
#else
void cohort_forbid(const void *start, size_t bytes) { (void)start, (void)bytes; }
void cohort_allow(const void *start, size_t bytes) { (void)start, (void)bytes; }
#endif
