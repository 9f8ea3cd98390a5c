// RUN/events.jsonl: what happened to a run, one JSON object a line, written by rank 0. Lines are
// added and never taken away: an attempt that repeats steps of the one before records them again.

import Cluster
import Files
import Foundation

/// One line of events.jsonl; what an event lacks is left out.
public struct Event: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable {
    case start, resume, save
    case saveFailed = "save-failed"
    case validation
    /// A stage begins; `message` is its name.
    case stage
    /// Asked to save and leave.
    case stop
    case end
  }
  public var event: Kind
  /// UTC.
  public var time: String
  /// Steps done.
  public var step: Int
  /// The number of this start in the run folder, from 1.
  public var attempt: Int

  // Of a start.
  public var ranks: Int?
  /// The host of each rank.
  public var hosts: [String]?
  /// Threads of each rank.
  public var threads: Int?
  public var totalSteps: Int?
  /// Libraries, their settings, and checksums of program and configuration.
  public var versions: [String: String]?

  // Of a save: how long it took, and its size.
  public var seconds: Double?
  public var bytes: Int?

  // Of a validation: mean over classes and cases.
  public var dice: Double?

  // Of an end and of what failed.
  public var code: Int32?
  public var message: String?
  public var times: [RankRow]?

  package init(_ event: Kind, step: Int, attempt: Int) {
    (self.event, self.step, self.attempt) = (event, step, attempt)
    time = utcTime()
  }
}

/// Appends events (rank 0). A full disk loses events, never the run.
package final class EventLog {
  package let attempt: Int
  private let descriptor: Int32

  /// Opens the file; nil where that is impossible. The attempt follows the greatest in the file.
  package init?(folder: String) {
    let path = Self.path(folder)
    let old = (try? Data(contentsOf: URL(fileURLWithPath: path))) ?? Data()
    attempt = (Self.events(in: old).map(\.attempt).max() ?? 0) + 1
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, newFilePermissions)
    if descriptor < 0 { return nil }
    // A power cut may leave half a line: it stays, on a line of its own.
    if let last = old.last, last != UInt8(ascii: "\n") { appendLine("", to: descriptor) }
  }

  deinit { close(descriptor) }

  package func append(_ event: Event) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let line = try? encoder.encode(event) else { return }
    appendLine(String(decoding: line, as: UTF8.self), to: descriptor)
    fsync(descriptor)
  }

  static func path(_ folder: String) -> String { folder + "/events.jsonl" }

  /// The events of a file; lines that are none are passed over.
  package static func events(in data: Data) -> [Event] {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return data.split(separator: UInt8(ascii: "\n")).compactMap { try? decoder.decode(Event.self, from: $0) }
  }
}
