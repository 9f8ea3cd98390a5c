// Averaging and the control word on made-up gradients: rank 0 writes the bytes of all results to a file, which the test compares over rank counts.

import Cluster
import Files
import Foundation
import MPI
import Tensors

let averagingScenarios = [
  Scenario(name: "average", run: average),
  Scenario(name: "average-unsound", run: averageUnsound),
  Scenario(name: "control", run: control),
]

private let lanes = 8

/// A gradient of a lane: Gaussian numbers whose magnitude falls over twelve decades, and with the steps.
func madeUpGradient(lane: Int, step: Int, parameters: Int) -> [Float] {
  let key = RandomKey(UInt64(lane * 1000 + step))
  return (0..<parameters).map { index in
    Float(key.gaussian(UInt64(index)) * pow(10, -12 * Double(index) / Double(parameters) - Double(step)))
  }
}

/// average NAME PARAMETERS FILE: four steps.
private func average(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let parameters = Int(arguments[1]) ?? 0
  var averager = try averager(named: arguments[0]).init(parameterCount: parameters)
  var result = [Float](repeating: 0, count: parameters)
  var bytes: [UInt8] = []
  for step in 0..<4 {
    try accumulate(&averager, of: world.rank, world.size) { madeUpGradient(lane: $0, step: step, parameters: parameters) }
    let outcome = try result.withUnsafeMutableBufferPointer { try averager.finish(into: $0, lanes: lanes, over: world) }
    guard case .averaged = outcome else { throw Broken(description: "step \(step): \(outcome)") }
    bytes += result.withUnsafeBytes { Array($0) } + Array(averager.carried.utf8)
  }
  if world.rank == 0 { try writeDurably(bytes, to: arguments[2]) }
}

private func accumulate(
  _ averager: inout any GradientAverager, of rank: Int, _ ranks: Int, _ gradient: (Int) -> [Float]
) throws {
  averager.begin()
  for lane in try LanePlan(lanes: lanes, ranks: ranks).lanes(ofRank: rank, of: ranks) {
    gradient(lane).withUnsafeBufferPointer { averager.add(laneGradient: $0) }
  }
}

/// One lane's bad value is everyone's outcome, the average is untouched, and the next step is sound again.
private func averageUnsound(_ world: borrowing Communicator, _: [String]) throws {
  for type in averagerCatalog {
    var averager: any GradientAverager = type.init(parameterCount: 3)
    func outcome(_ bad: Float) throws -> (AveragingOutcome, [Float]) {
      var result: [Float] = [7, 7, 7]
      try accumulate(&averager, of: world.rank, world.size) { [1, $0 == lanes - 1 ? bad : 2, Float($0)] }
      let outcome = try result.withUnsafeMutableBufferPointer { try averager.finish(into: $0, lanes: lanes, over: world) }
      return (outcome, result)
    }
    for bad in [Float.nan, -.nan, .infinity, -.infinity] {
      try expect(try outcome(bad) == (.nonFinite, [7, 7, 7]), "\(type.name): \(bad)")
    }
    let huge = -Float.greatestFiniteMagnitude
    try expect(try outcome(huge) == (.outOfRange(largest: -huge), [7, 7, 7]), "\(type.name): \(huge)")
    let next = try outcome(2)
    try expect(next.0 == .averaged(largest: 7), "\(type.name): \(next)")
  }
}

/// control FILE: flags from any rank, and sums that do not depend on the ranks.
private func control(_ world: borrowing Communicator, _ arguments: [String]) throws {
  var word = ControlWord(lanes: lanes, valuesPerLane: 2)
  if world.rank == world.size - 1 { word.flags = [.save, .storageTrouble] }
  word.seconds = RankSeconds(load: 1, compute: world.rank == world.size / 2 ? 4 : 1, wait: Double(world.rank))
  for lane in try LanePlan(lanes: lanes, ranks: world.size).lanes(ofRank: world.rank, of: world.size) {
    word.set([1 / Double(lane + 3), -0.0], lane: lane)
  }
  let summary = try word.exchange(over: world)
  try expect(summary.flags == [.save, .storageTrouble], "flags: \(summary.flags)")
  let slowest = RankSeconds(load: 1, compute: 4, wait: Double(world.size / 2))
  try expect(summary.slowestRank == world.size / 2 && summary.seconds[world.size / 2] == slowest, "slowest rank: \(summary)")
  try expect(summary.seconds.map(\.wait) == (0..<world.size).map(Double.init), "each rank's own times: \(summary)")
  try expect(summary.laneValues[7] == [0.1, 0], "values of lane 7: \(summary.laneValues[7])")
  if world.rank == 0 {
    try writeDurably(Array("\(summary.sum(0).bitPattern) \(summary.sum(1).bitPattern)".utf8), to: arguments[0])
  }
}
