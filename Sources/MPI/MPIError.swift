// The one checked call through which every MPI function of this package goes, and the error that it throws.

import CMPI

/// A failed MPI call: its name, the library's own text, and what to do.
public struct MPIError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The C function, for example `MPI_Allreduce`.
  public let call: String
  /// What went wrong, in the words of the MPI library where it gave any.
  public let reason: String
  public let hint: String

  public var description: String { "\(call) failed: \(reason). \(hint)" }

  static let peerHint =
    "Check that every rank is alive and runs the same program with the same settings; the first rank that reported an error is the cause."
}

/// Calls one MPI function and throws what it returns unless that is `MPI_SUCCESS`.
///
/// Communicators must have `MPI_ERRORS_RETURN` set, or the library ends the process before this function sees an error.
func mpi(_ call: StaticString, _ body: () -> Int32) throws(MPIError) {
  MPIActivity.enter()
  let code = body()
  MPIActivity.leave()
  guard code != MPI_SUCCESS else { return }
  throw MPIError(call: "\(call)", reason: errorText(code), hint: MPIError.peerHint)
}

/// The library's text for an error code.
private func errorText(_ code: Int32) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(MPI_MAX_ERROR_STRING) + 1) { text in
    text.initialize(repeating: 0)
    var length: Int32 = 0
    // int MPI_Error_string(int errorcode, char *string, int *resultlen)
    guard MPI_Error_string(code, text.baseAddress, &length) == MPI_SUCCESS else { return "unknown error code \(code)" }
    return String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
