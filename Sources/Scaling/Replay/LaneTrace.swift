// What a rehearsal replays: measured times of lanes, in a JSON file.

import Cluster
import Files
import Foundation
import Kernels
import Tensors
import Training

/// Times of lanes, and what the run averages over its ranks.
public struct LaneTrace: Codable, Sendable, Equatable {
  static let currentFormat = "cohort-lane-times/1"
  /// The most floats that a step may average.
  public static let mostValues = 1_000_000_000_000

  public var format: String
  /// The origin of the times, for people.
  public var source: String
  /// The run's `reduction`.
  public var reduction: String
  /// Floats of each array that a step averages over the ranks, in the order of the forward pass.
  public var arrays: [Int]
  /// The share of the last lane's backward pass after which each array may be averaged.
  public var readyShares: [Double]
  /// The lanes, at least one.
  public var lanes: [LaneTime]

  /// - Parameter readyShares: without them the backward pass completes one array after the other in even steps, the last array
  /// first.
  public init(source: String, reduction: String, arrays: [Int], readyShares: [Double]? = nil, lanes: [LaneTime]) {
    format = Self.currentFormat
    (self.source, self.reduction, self.arrays, self.lanes) = (source, reduction, arrays, lanes)
    self.readyShares = readyShares ?? arrays.indices.map { Double(arrays.count - $0) / Double(arrays.count) }
  }

  /// Reads a file that `write` or a person wrote.
  public init(path: String) throws(ScalingError) {
    let bytes: [UInt8]
    do { bytes = try readAll(path, atMost: 1 << 28) } catch {
      throw ScalingError("\(error) Lane times are made with `cohort scale record`.")
    }
    do { self = try JSONDecoder().decode(LaneTrace.self, from: Data(bytes)) } catch {
      throw ScalingError("\(path) holds no lane times: make them with `cohort scale record`.")
    }
    guard format == Self.currentFormat else {
      throw ScalingError("\(path) has the format \(format), not \(Self.currentFormat): record it again with this program.")
    }
    guard !lanes.isEmpty, lanes.allSatisfy({ $0.forward >= 0 && $0.backward >= 0 && $0.total < 1e6 }) else {
      throw ScalingError("\(path) must name one lane time or more, none negative: record it again.")
    }
    let shares = readyShares.allSatisfy { $0 >= 0 && $0 <= 1 }
    let sizes = arrays.allSatisfy { 1...Self.mostValues ~= $0 } && arrays.count <= 1_000_000
    guard !arrays.isEmpty, sizes, averagedValues <= Self.mostValues, readyShares.count == arrays.count, shares else {
      throw ScalingError(
        "\(path) must name arrays of 1 to \(Self.mostValues) values in all, and for each a ready share from 0 to 1: record it again."
      )
    }
  }

  /// Refuses, before lanes are timed, a file that does not end in .json, and one in the way that is no such record.
  public static func checkOutput(_ path: String) throws {
    try checkEnding(of: path, ".json", format: "JSON")
    try checkOutputs([path], reading: []) { (try? LaneTrace(path: $0)) != nil }
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

  /// The same arrays with about `values` floats in all, each at least one.
  func shrunk(to values: Int) -> LaneTrace {
    var trace = self
    let factor = Double(values) / Double(averagedValues)
    trace.arrays = arrays.map { max(1, Int((Double($0) * factor).rounded())) }
    return trace
  }

  /// Floats that a step averages.
  public var averagedValues: Int { arrays.reduce(0, +) }
  /// The median over lanes, seconds.
  public var medianLane: Double { median(lanes.map(\.total)) }
  public var medianBackward: Double { median(lanes.map(\.backward)) }
}

extension LaneTime {
  var total: Double { forward + backward }
}

/// Times the lanes of a run file on this process alone.
public func recordLanes(file: String, overrides: [String], warmup: Int, steps: Int) throws -> LaneTrace {
  let configuration = try RunConfiguration(yaml: try RunConfiguration.text(of: file), source: file, overrides: overrides)
  try configuration.stages[0].configuration.requireMeasurable(source: file)
  configuration.warnings.forEach(Console(rank: 0).warn)
  let recording = try LaneRecording(configuration, warmup: warmup, steps: steps)
  return LaneTrace(
    source: ([file] + overrides).joined(separator: " "), reduction: configuration.reduction, arrays: recording.arrays,
    readyShares: recording.readyShares, lanes: recording.lanes)
}

/// Takes lane times from the metrics of a run that was trained: the slowest rank's work, shared out over its lanes. Where the
/// backward pass begins is not in them: it gets two thirds, because it has about twice the arithmetic of a forward pass.
public func laneTimes(ofRun folder: String, warmup: Int) throws -> LaneTrace {
  let path = folder + "/configuration.resolved.yaml"
  let yaml: String
  do { yaml = try readText(path, atMost: longestRunFile) } catch {
    throw ScalingError("\(error) Name the folder of a run that was trained, or a run file to measure.")
  }
  let configuration = try RunConfiguration(yaml: yaml, source: path)
  for stage in configuration.stages { try stage.configuration.requireMeasurable(source: path) }
  let checkpoint = try CheckpointStore.inspect(path: folder)
  let busiest = (configuration.lanes + checkpoint.writerRanks - 1) / checkpoint.writerRanks
  let seconds = try MetricsFile(run: folder).steps.dropFirst(warmup).compactMap { $0["computeSeconds"] }
  guard !seconds.isEmpty else {
    throw ScalingError("\(folder)/metrics.jsonl has no times of steps after the first \(warmup): lower --warmup or train on.")
  }
  // What is averaged has an averager: gradients of what is trained, and what batch normalisations saw.
  let averaged = checkpoint.index.filter { checkpoint.metadata[$0.vector + ".averager"] != nil }
  let isStatistic = { (tensor: CheckpointTensor) in tensor.vector.hasSuffix(".statistics") }
  let (trained, seen) = (averaged.filter { !isStatistic($0) }, averaged.filter(isStatistic))
  return LaneTrace(
    source: "\(folder)/metrics.jsonl", reduction: configuration.reduction, arrays: (trained + seen).map(\.count),
    lanes: seconds.map { LaneTime(forward: $0 / Double(busiest) / 3, backward: $0 / Double(busiest) * 2 / 3) })
}
