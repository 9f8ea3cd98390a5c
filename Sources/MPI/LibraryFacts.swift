// What MPI library this is and what it grants.

import CMPI

extension Session {
  /// The library's own words, first part: `Open MPI v4.1.4, package: …` becomes `Open MPI v4.1.4`.
  public static var library: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(MPI_MAX_LIBRARY_VERSION_STRING) + 1) { text in
      text.initialize(repeating: 0)
      var length: Int32 = 0
      // int MPI_Get_library_version(char *version, int *resultlen)
      guard MPI_Get_library_version(text.baseAddress, &length) == MPI_SUCCESS else { return "unknown MPI library" }
      let whole = String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return String(whole.prefix { $0 != "," && $0 != "\n" })
    }
  }

  /// The thread level that was granted, as MPI calls it. Only while MPI is initialised.
  public static var threadLevel: String {
    var level: Int32 = -1
    // int MPI_Query_thread(int *provided)
    guard MPI_Query_thread(&level) == MPI_SUCCESS else { return "MPI is not initialised" }
    let names = [
      Int32(MPI_THREAD_SINGLE): "MPI_THREAD_SINGLE", Int32(MPI_THREAD_FUNNELED): "MPI_THREAD_FUNNELED",
      Int32(MPI_THREAD_SERIALIZED): "MPI_THREAD_SERIALIZED", Int32(MPI_THREAD_MULTIPLE): "MPI_THREAD_MULTIPLE",
    ]
    return names[level] ?? "level \(level)"
  }
}
