// A file to which lines are added and nothing else: logs, events, metrics.

import Files
import Foundation

/// Appends lines. A full disk loses lines, never the run.
final class LineFile {
  private let descriptor: Int32
  /// Whether the last line was cut off, for want of room.
  private var isCutOff = false

  init(_ path: String) throws(FileError) { descriptor = try openForAppending(path) }

  deinit { close(descriptor) }

  /// Adds a line in one write: a reader never sees half of it, and two writers never mix theirs.
  func append(_ line: String) {
    let bytes = Array(((isCutOff ? "\n" : "") + line + "\n").utf8)
    let count = write(descriptor, bytes, bytes.count)
    if count > 0 { isCutOff = count < bytes.count }
  }

  /// Forces what was added to the disk.
  func synchronize() { fsync(descriptor) }
}
