// What the processor can do, and how the kernel shares it out.
// For SCHED_BATCH and syscall.
#define _GNU_SOURCE
#include "CKernels.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

int cohort_vector_bits(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return 512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 256;
#endif
  return 128;
}

int cohort_set_time_slice(uint64_t nanoseconds) {
#ifdef SYS_sched_setattr
  // struct sched_attr of sched_setattr(2), for which older C libraries have no name.
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return 0;
  // Elsewhere the field means something else, and who chose another policy (chrt) keeps it.
  if (attributes.policy != SCHED_OTHER && attributes.policy != SCHED_BATCH) return 0;
  attributes.runtime = nanoseconds;
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
#else
  (void)nanoseconds;
  return 0;
#endif
}
