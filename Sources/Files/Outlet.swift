// Standard output and standard error as people read them. A reader that has left, stands still or has no room must neither end nor stop the program.

import Foundation
import Synchronization

/// A descriptor that people read.
public final class Outlet: Sendable {
  public static let output = Outlet(STDOUT_FILENO)
  public static let errors = Outlet(STDERR_FILENO)

  private let descriptor: Int32
  /// Whether the reader stood still at the last text: the next is not waited for.
  private let isStuck = Atomic(false)
  /// What a pipe or a terminal that can take anything takes at once.
  private static let pieceBytes = 4096
  private static let patienceMilliseconds: Int32 = 2000

  public init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// Writes a text, for which a reader that stands still is waited for two seconds, once.
  /// - Returns: nil if all of it was written, else the `errno` of the failure.
  @discardableResult
  public func write(_ text: String) -> Int32? {
    var text = text
    return text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        guard isReady() else { return EAGAIN }
        let count = Foundation.write(descriptor, rest.baseAddress, min(rest.count, Self.pieceBytes))
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return errno }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
      return nil
    }
  }

  private func isReady() -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    var found: Int32
    repeat {
      found = poll(&request, 1, isStuck.load(ordering: .relaxed) ? 0 : Self.patienceMilliseconds)
    } while found < 0 && errno == EINTR
    isStuck.store(found == 0, ordering: .relaxed)
    return found != 0
  }
}

/// Prints a line on standard error.
public func complain(_ line: String) { Outlet.errors.write(line + "\n") }
