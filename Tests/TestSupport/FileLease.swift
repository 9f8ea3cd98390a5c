// A file system that does not answer, for tests: whoever opens a file under a lease waits until it ends.

import Foundation

/// A lease on a file, which makes others wait when they open it, 45 s at most (Linux, fcntl(2)).
public final class FileLease {
  private let descriptor: Int32

  /// Throws where the file is open, or its file system gives no leases.
  public init(_ path: String) throws {
    // The system tells the holder that somebody waits; the signal would end the tests.
    signal(SIGIO, SIG_IGN)
    descriptor = open(path, O_RDWR | O_CLOEXEC)
    let setLease: Int32 = 1024  // F_SETLEASE of Linux's fcntl.h
    guard descriptor >= 0, fcntl(descriptor, setLease, Int32(F_WRLCK)) == 0 else {
      throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
    }
  }

  public func end() { close(descriptor) }
}
