// MPI: see README.md.
