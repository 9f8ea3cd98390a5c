// HDF5: see README.md.
