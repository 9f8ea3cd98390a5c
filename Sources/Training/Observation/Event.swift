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
  /// The attempt's event file in RUN/tensorboard.
  public var tensorBoard: String?
  /// Libraries, their settings, and checksums of program and configuration.
  public var versions: [String: String]?
  /// What must be known of the scores, a sentence.
  public var caveat: String?

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
  private let file: LineFile

  /// Opens the file; nil, with a warning, where that is impossible. The attempt follows the greatest in the file.
  package init?(folder: String, warn: (String) -> Void = { _ in }) {
    let path = Self.path(folder)
    var newest = 0, isCutOff = false
    do throws(FileError) {
      file = try LineFile(path)
      try forEachLine(of: path) { line in
        newest = max(newest, Self.event(in: line)?.attempt ?? 0)
        isCutOff = !line.isEnded
      }
    } catch {
      warn("no events are recorded. \(error)")
      return nil
    }
    attempt = newest + 1
    // A power cut may leave half a line: it stays, on a line of its own.
    if isCutOff { file.append("") }
  }

  package func append(_ event: Event) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let line = try? encoder.encode(event) else { return }
    file.append(String(decoding: line, as: UTF8.self))
    file.synchronize()
  }

  static func path(_ folder: String) -> String { folder + "/events.jsonl" }

  /// The events of a run, and how many lines that have an end are none.
  package static func read(folder: String) throws(FileError) -> (events: [Event], damaged: Int) {
    var events: [Event] = [], damaged = 0
    try forEachLine(of: path(folder)) { line in
      if let event = event(in: line) { events.append(event) } else if line.isEnded, !line.bytes.isEmpty { damaged += 1 }
    }
    return (events, damaged)
  }

  /// The event of a line; nil for half a line and for one that is damaged.
  private static func event(in line: FileLine) -> Event? {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let event = try? decoder.decode(Event.self, from: Data(line.bytes))
    return event.flatMap { (0..<1_000_000_000).contains($0.attempt) ? $0 : nil }
  }
}
