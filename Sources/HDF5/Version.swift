// Which HDF5 library this is.

import CHDF5

/// The version of the library in use, for example "1.10.8".
public var hdf5Version: String {
  var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
  // herr_t H5get_libversion(unsigned *majnum, unsigned *minnum, unsigned *relnum)
  return locked { H5get_libversion(&major, &minor, &release) } >= 0 ? "\(major).\(minor).\(release)" : "unknown"
}
