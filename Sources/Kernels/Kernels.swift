// Kernels: see README.md.
