// The log of one rank in one attempt: RUN/logs/rank-0003.attempt-02.log. Lines are whole or absent, because each is one write to
// a file that is only ever appended to.

import Files
import Foundation

/// Appends lines with time and step. A full disk loses lines, never the run.
final class RankLog {
  /// Steps done, as lines show it.
  var step = 0
  private let descriptor: Int32

  /// Opens the file; nil where that is impossible.
  init?(folder: String, rank: Int, attempt: Int) {
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    descriptor = open("\(folder)/\(Self.name(rank: rank, attempt: attempt))", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, newFilePermissions)
    if descriptor < 0 { return nil }
  }

  deinit { close(descriptor) }

  static func name(rank: Int, attempt: Int) -> String { String(format: "rank-%04d.attempt-%02d.log", rank, attempt) }

  func write(_ text: String) { appendLine("\(utcTime()) step \(step): \(text.replacing("\n", with: " | "))", to: descriptor) }
}

/// The time now, in UTC with milliseconds, as in 2026-01-31T09:05:00.125Z.
func utcTime() -> String { Date().ISO8601Format(.init(includingFractionalSeconds: true)) }

/// Appends a line in one write: a reader never sees half of it, and two writers never mix theirs.
func appendLine(_ line: String, to descriptor: Int32) {
  let bytes = Array((line + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}
