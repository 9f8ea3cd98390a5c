// An incident file, RUN/incidents/TIME-rank-0002.json: why a start of a run ended, and what every rank did last. `cohort launch`
// reads them.

import Files
import Foundation

/// What ended a start of a run, as one rank saw it.
public struct Incident: Codable, Sendable {
  /// What a rank did last.
  public struct LastOperation: Codable, Sendable {
    public let rank: Int
    public let host: String
    public let step: Int
    public let phase: String
    public let detail: String
    /// How long it had lasted.
    public let seconds: Double
    public let isWaiting: Bool
  }
  /// ISO 8601.
  public let time: String
  /// The number of this start of the run by `cohort launch`, from 1.
  public let attempt: Int
  /// lost, hang, crash or error.
  public let kind: String
  /// The culprit.
  public let rank: Int
  public let host: String
  public let step: Int
  public let operation: String
  public let exitCode: Int32
  /// The message as the user read it.
  public let message: String
  /// The rank that wrote this: after a cut each side has its own view, and that of the lowest rank counts.
  public let reporter: Int
  public let ranks: [LastOperation]

  static func folder(ofRun run: String) -> String { run + "/incidents" }

  /// Writes the file; a disk that is full or gone must not keep the job from ending.
  func write(run: String) {
    let folder = Self.folder(ofRun: run)
    // A run folder that was moved away is not made again.
    mkdir(folder, 0o777)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let name = time.replacing(":", with: "-") + String(format: "-rank-%04d.json", reporter)
    if let bytes = try? encoder.encode(self) { try? writeDurably(Array(bytes), to: "\(folder)/\(name)") }
  }

  /// The names of the incident files of a run.
  public static func names(ofRun run: String) -> Set<String> {
    Set(((try? FileManager.default.contentsOfDirectory(atPath: folder(ofRun: run))) ?? []).filter { $0.hasSuffix(".json") })
  }

  /// The one that counts of the incidents that are not among `known`; nil if there is none that can be read.
  public static func newest(ofRun run: String, notAmong known: Set<String>) -> Incident? {
    names(ofRun: run).subtracting(known).compactMap { name in
      FileManager.default.contents(atPath: "\(folder(ofRun: run))/\(name)").flatMap {
        try? JSONDecoder().decode(Incident.self, from: $0)
      }
    }.min { ($0.reporter, $0.time) < ($1.reporter, $1.time) }
  }
}

/// The present time, to the millisecond.
func timeText() -> String {
  let formatter = ISO8601DateFormatter()
  formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
  return formatter.string(from: Date())
}
