// Which MPI library this is.

import CMPI

/// The library's name and version, for example "Open MPI v4.1.4". May be asked before MPI is initialised.
public var mpiVersion: String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(MPI_MAX_LIBRARY_VERSION_STRING) + 1) { text in
    text.initialize(repeating: 0)
    var length: Int32 = 0
    // int MPI_Get_library_version(char *version, int *resultlen)
    guard MPI_Get_library_version(text.baseAddress, &length) == MPI_SUCCESS else { return "unknown" }
    let whole = String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // After the version follow the package, its builder and the date.
    return whole.prefix { $0 != "," && $0 != "\n" && $0 != "\0" }.description
  }
}
