// Tests of MPI.
