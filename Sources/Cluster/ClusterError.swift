// The error of everything that ranks do together: one sentence that names the cause and ends with what to do.

import MPI

/// An error of what ranks do together.
public struct ClusterError: ExitCoded, CustomStringConvertible, Sendable {
  public let description: String
  /// Whether every rank throws this same error, so that it need be reported only once.
  public let isShared: Bool
  /// Whether a file was written by a newer version: it is not damaged and must be left alone.
  public let isNewerFormat: Bool
  /// Whether a call of MPI failed: often the echo of another rank's death.
  public let isCommunication: Bool
  /// Whether the run folder is no longer this run's, so that nothing more may be written there.
  public let isFolderLost: Bool
  /// The code with which the program should end.
  public let exitCode: Int32

  public init(
    _ description: String, isShared: Bool = false, isNewerFormat: Bool = false, isCommunication: Bool = false,
    isFolderLost: Bool = false, exitCode: Int32 = ExitCode.configuration.rawValue
  ) {
    (self.description, self.isShared, self.exitCode) = (description, isShared, exitCode)
    (self.isNewerFormat, self.isCommunication, self.isFolderLost) = (isNewerFormat, isCommunication, isFolderLost)
  }
}

/// Runs `body` and turns the error of a lower module into a `ClusterError` with the same text.
func clustered<Result: ~Copyable, Failure: Error & CustomStringConvertible>(
  _ body: () throws(Failure) -> Result
) throws(ClusterError) -> Result {
  do throws(Failure) { return try body() } catch { throw ClusterError(error.description, isCommunication: error is MPIError) }
}
