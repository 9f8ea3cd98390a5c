// One binary for every node type: the loader picks the widest version that the processor has. It asks while the program is being loaded, before
// ThreadSanitizer is there: with that there is one version.
#ifndef COHORT_CLONES_H
#define COHORT_CLONES_H
#if defined(__x86_64__) && !__has_feature(thread_sanitizer)
#define COHORT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define COHORT_CLONES
#endif
// Sums may be reassociated lane by lane: the association is fixed by the code, not by the data or the thread count.
#define COHORT_REASSOCIATE _Pragma("clang fp reassociate(on) contract(fast)")
#endif
