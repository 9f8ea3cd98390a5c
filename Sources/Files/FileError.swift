// The error of plain file operations: one sentence that names the path and ends with what to do.

import Foundation

public struct FileError: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String
  /// The `errno` of the system call that failed; nil where what was found is at fault.
  public let systemError: Int32?

  public init(_ description: String) { (self.description, systemError) = (description, nil) }

  /// The failure of a system call on `path`, with the system's own words for `errno`.
  init(_ action: String, _ path: String, errno code: Int32 = errno) {
    let hint =
      switch code {
      case ENOSPC, EDQUOT: "Free some space or write to another disk."
      case EACCES, EPERM, EROFS: "Check the permissions of the folder, or write to another one."
      case ENOENT, ENOTDIR: "Check the path."
      default: "Check the disk and the path."
      }
    systemError = code
    description = "Cannot \(action) \(path): \(String(cString: strerror(code))). \(hint)"
  }
}
