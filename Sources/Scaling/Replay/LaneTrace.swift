// What a rehearsal replays: measured times of lanes, in a JSON file.

import Cluster
import Files
import Foundation
import Tensors
import Training

/// Times of lanes, and what the run averages over its ranks.
public struct LaneTrace: Codable, Sendable, Equatable {
  static let currentFormat = "cohort-lane-times/1"

  public var format: String
  /// Where the times come from, for people.
  public var source: String
  /// Values that each step averages over the ranks.
  public var averagedValues: Int
  /// The run's `reduction`.
  public var reduction: String
  /// At least one.
  public var lanes: [LaneTime]

  public init(source: String, averagedValues: Int, reduction: String, lanes: [LaneTime]) {
    format = Self.currentFormat
    (self.source, self.averagedValues, self.reduction, self.lanes) = (source, averagedValues, reduction, lanes)
  }

  /// Reads a file that `write` or a person wrote.
  public init(path: String) throws(ScalingError) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ScalingError("Cannot read \(path): make lane times with `cohort scale record`.")
    }
    do { self = try JSONDecoder().decode(LaneTrace.self, from: data) } catch {
      throw ScalingError("\(path) holds no lane times: make them with `cohort scale record`.")
    }
    guard format == Self.currentFormat else {
      throw ScalingError("\(path) has the format \(format), not \(Self.currentFormat): record it again with this program.")
    }
    guard !lanes.isEmpty, averagedValues > 0, lanes.allSatisfy({ $0.forward >= 0 && $0.backward >= 0 && $0.total < 1e6 }) else {
      throw ScalingError("\(path) must name one lane time or more, none negative, and averagedValues of 1 or more: record it again.")
    }
  }

  public func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try writeDurably(Array(try encoder.encode(self)) + [UInt8(ascii: "\n")], to: path)
  }

  /// The time of a lane at a step: one of the recorded ones, drawn by (seed, step, lane) whatever the rank.
  public func draw(seed: UInt64, step: Int, lane: Int) -> LaneTime {
    lanes[RandomKey(seed).child(UInt64(step)).integer(UInt64(lane), below: lanes.count)]
  }

  /// The median over lanes, seconds.
  public var medianLane: Double { median(lanes.map(\.total)) }
  public var medianBackward: Double { median(lanes.map(\.backward)) }
}

extension LaneTime {
  var total: Double { forward + backward }
}

/// Times the lanes of a run file on this process alone.
public func recordLanes(file: String, overrides: [String], warmup: Int, steps: Int) throws -> LaneTrace {
  guard let yaml = try? String(contentsOfFile: file, encoding: .utf8) else {
    throw ScalingError("Cannot read the run file \(file): check the path.")
  }
  let configuration = try RunConfiguration(yaml: yaml, source: file, overrides: overrides)
  let timed = try Run.lanesAlone(configuration, warmup: warmup, steps: steps)
  return LaneTrace(
    source: "\(file) \(overrides.joined(separator: " "))".trimmingCharacters(in: .whitespaces),
    averagedValues: timed.averagedCount, reduction: configuration.text("reduction"), lanes: timed.lanes)
}

/// Takes lane times from the metrics of a run that was trained: the slowest rank's time, shared out over its lanes. Where the backward walk
/// begins is not in them: it gets two thirds, as in shared/spec/distributed.md 3.5.
public func laneTimes(ofRun folder: String, warmup: Int) throws -> LaneTrace {
  let path = folder + "/configuration.resolved.yaml"
  guard let yaml = try? String(contentsOfFile: path, encoding: .utf8) else {
    throw ScalingError("Cannot read \(path): name the folder of a run that was trained, or a run file to measure.")
  }
  let configuration = try RunConfiguration(yaml: yaml, source: path), checkpoint = try CheckpointStore.inspect(path: folder)
  let busiest = (configuration.lanes + checkpoint.writerRanks - 1) / checkpoint.writerRanks
  let lines = try stepLines(metrics: folder + "/metrics.jsonl").dropFirst(warmup)
  let averaged = checkpoint.vectors.filter { checkpoint.vectors[$0.key + ".momentum"] != nil || $0.key.hasSuffix(".statistics") }
  return LaneTrace(
    source: "\(folder)/metrics.jsonl", averagedValues: averaged.values.reduce(0, +), reduction: configuration.text("reduction"),
    lanes: lines.compactMap { $0["seconds"] }.map { seconds in
      let lane = seconds / Double(busiest)
      return LaneTime(forward: lane / 3, backward: lane * 2 / 3)
    })
}
