// `cohort trace merge`: the traces of all ranks as one file, on rank 0's clock, a row for each rank, for chrome://tracing,
// Perfetto and the like.

import Cluster
import Files
import Foundation

/// A merged trace.
public struct MergedTrace: Codable, Sendable {
  public var displayTimeUnit = "ms"
  /// By which a merged trace of ours is known again.
  public var otherData = Self.origin
  private static let origin = ["command": "cohort trace merge"]
  public var traceEvents: [TraceEvent]

  /// Whether a file is a merged trace of ours.
  static func isOne(_ path: String) -> Bool {
    (try? JSONDecoder().decode(MergedTrace.self, from: Data(readAll(path))))?.otherData == origin
  }

  /// - Parameter parts: one of each rank. Time 0 is the beginning of the earliest span.
  package init(_ parts: [TracePart]) {
    let aligned = parts.sorted { $0.rank < $1.rank }.flatMap { part in
      let line = ClockLine(part.clock)
      func moved(_ microseconds: Double) -> Double {
        line.map { $0.rankZeroTime(at: microseconds * 1e-6) * 1e6 } ?? microseconds
      }
      return part.traceEvents.map { event in
        var event = event
        let end = moved(event.ts + event.dur)
        event.ts = moved(event.ts)
        event.dur = end - event.ts
        return event
      }
    }
    let start = aligned.map(\.ts).min() ?? 0
    let rows = parts.sorted { $0.rank < $1.rank }.flatMap { part -> [TraceEvent] in
      [
        .row("process_name", .init(name: "rank \(part.rank) on \(part.host)"), rank: part.rank),
        .row("process_sort_index", .init(sortIndex: part.rank), rank: part.rank),
      ]
    }
    traceEvents =
      rows
      + aligned.map { event in
        var event = event
        event.ts -= start
        return event
      }
  }
}

/// Merges the trace of the newest traced attempt of a run folder into the file `output`, which ends in .json.
/// - Returns: how many ranks and spans it holds.
public func mergeTraces(run: String, output: String) throws -> (ranks: Int, spans: Int) {
  try checkEnding(of: output, ".json", format: "JSON")
  try checkOutputs([output], reading: [], isOwn: MergedTrace.isOne)
  let folder = TracePart.folder(run)
  let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".json") }
  let all = try names.sorted().map { name in
    let path = "\(folder)/\(name)"
    func refuse(_ reason: String) -> TrainingError {
      TrainingError("\(path) is no trace of a rank (\(reason)): remove the folder and trace again.")
    }
    do {
      let part = try JSONDecoder().decode(TracePart.self, from: Data(try readAll(path)))
      guard part.isPossible else { throw refuse("it has numbers that no trace can have") }
      return part
    } catch let error as DecodingError { throw refuse(error.reason) }
  }
  // A run that went on with fewer ranks leaves the files of the others behind.
  let attempt = all.map(\.attempt).max() ?? 0
  let parts = all.filter { $0.attempt == attempt }
  guard let first = parts.first else {
    throw TrainingError("\(folder) holds no trace: train with trace.steps=[100, 110], which traces these steps.")
  }
  guard (1...65536).contains(first.ranks), parts.allSatisfy({ $0.ranks == first.ranks }),
    Set(parts.map(\.rank)).count == parts.count
  else {
    throw TrainingError("\(folder) holds traces of different runs or two of one rank: remove the folder and trace again.")
  }
  let missing = Set(0..<first.ranks).subtracting(parts.map(\.rank)).sorted()
  guard missing.isEmpty else {
    throw TrainingError(
      "\(folder) lacks the trace of rank \(missing.map(String.init).joined(separator: ", ")): "
        + "copy it from that rank's host, or trace again.")
  }
  let merged = MergedTrace(parts)
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  try writeDurably(Array(try encoder.encode(merged)), to: output)
  return (parts.count, merged.traceEvents.filter { $0.ph == "X" }.count)
}

extension TracePart {
  /// Whether all numbers are ones that a trace can have: of ranks that there are, and times within a human life.
  fileprivate var isPossible: Bool {
    func isTime(_ seconds: Double) -> Bool { abs(seconds) < 1e10 }
    return 1...1_000_000 ~= ranks && 0..<ranks ~= rank
      && clock.allSatisfy { isTime($0.time) && isTime($0.offset) && isTime($0.roundTrip) }
      && traceEvents.allSatisfy { isTime($0.ts * 1e-6) && isTime($0.dur * 1e-6) }
  }
}
