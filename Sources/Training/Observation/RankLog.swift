// The log of one rank in one attempt: RUN/logs/rank-0003.attempt-02.log. Lines are whole or absent, because each is one write to
// a file that is only ever appended to.

import Files
import Foundation

/// Appends lines with time and step. A full disk loses lines, never the run.
final class RankLog {
  /// Steps done, as lines show it.
  var step = 0
  private let file: LineFile

  /// Opens the file; nil where that is impossible.
  init?(folder: String, rank: Int, attempt: Int) {
    guard (try? makeFolder(folder)) != nil,
      let file = try? LineFile("\(folder)/\(Self.name(rank: rank, attempt: attempt))")
    else { return nil }
    self.file = file
  }

  static func name(rank: Int, attempt: Int) -> String { String(format: "rank-%04d.attempt-%02d.log", rank, attempt) }

  func write(_ text: String) { file.append("\(utcTime()) step \(step): \(text.replacing("\n", with: " | "))") }
}

/// The time now, in UTC with milliseconds, as in 2026-01-31T09:05:00.125Z.
func utcTime() -> String { Date().ISO8601Format(.init(includingFractionalSeconds: true)) }
