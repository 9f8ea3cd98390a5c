// The entry points of libgomp that a compiler would call for `#pragma omp parallel`: they are stable symbols of the library,
// and calling them lets our own loops run on the threads that oneDNN and OpenBLAS use.
#ifndef COHORT_COPENMP_SHIM_H
#define COHORT_COPENMP_SHIM_H
void GOMP_parallel(void (*body)(void *), void *context, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);
#endif
