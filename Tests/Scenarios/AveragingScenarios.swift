// Averaging and the control word on made-up gradients, against sums in Double; or rank 0 writes the bytes of all results to a file,
// which the test compares over rank counts.

import Cluster
import Files
import Foundation
import Learning
import MPI
import Tensors

let averagingScenarios = [
  Scenario(name: "average", run: average),
  Scenario(name: "average-unsound", run: averageUnsound),
  Scenario(name: "average-in-flight", run: averageInFlight),
  Scenario(name: "control", run: control),
  Scenario(name: "plans", run: plans),
]

private let lanes = 8

/// A gradient of a lane: Gaussian numbers whose magnitude falls over twelve decades, and with the steps.
func madeUpGradient(lane: Int, step: Int, parameters: Int) -> [Float] {
  let key = RandomKey(UInt64(lane * 1000 + step))
  return (0..<parameters).map { index in
    Float(key.gaussian(UInt64(index)) * pow(10, -12 * Double(index) / Double(parameters) - Double(step)))
  }
}

/// average NAME PARAMETERS: four steps, whose averages agree with sums in Double.
private func average(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let parameters = Int(arguments[1]) ?? 0
  let average = oneArray(parameters, try averager(named: arguments[0])),
    coordinated = try CoordinatedStep(laneCount: lanes, over: world)
  var largestBefore: Float = 1
  for step in 0..<4 {
    let outcome = try average.take(step, with: coordinated, over: world) {
      madeUpGradient(lane: $0, step: step, parameters: parameters)
    }
    guard case .averaged(let largest) = outcome else { throw Broken(description: "step \(step): \(outcome)") }
    if world.rank == 0 {
      // The unit of the exact averager follows from the greatest gradient of the step before; the other one adds Floats.
      let isExact = average.averager is ExactAverager
      try expectMeans(
        average.average.values, step: step, relative: isExact ? 1e-7 : 1e-6, common: isExact ? 0x1p-34 * Double(largestBefore) : 0
      )
    }
    largestBefore = largest
  }
  try coordinated.close()
}

/// The average of a set with a single array.
private func oneArray(_ parameters: Int, _ averager: any GradientAverager.Type) -> LaneAverage {
  LaneAverage(ParameterSet([ParameterSpecification("x", [parameters], .constant(0))], seed: 1), averager: averager)
}

extension LaneAverage {
  /// Averages what `gradient` gives for each lane.
  fileprivate func take(
    _ step: Int, with coordinated: CoordinatedStep, over world: borrowing Communicator, _ gradient: (Int) -> [Float]
  ) throws -> AveragingOutcome {
    try coordinated.take([self], step: step, over: world) { pass in
      for (index, value) in gradient(pass.lane).enumerated() { source.gradients.pointer[index] = value }
      return []
    }.averages[0]
  }
}

/// Each parameter is judged by the magnitude of its own lanes' gradients, so that the small ones must be right, too.
/// - Parameters:
///   - relative: the error that is allowed, as a share of the greatest magnitude that any lane has for the same parameter.
///   - common: the error that is allowed besides, the same for all parameters.
private func expectMeans(_ result: [Float], step: Int, relative: Double, common: Double) throws {
  let gradients = (0..<lanes).map { madeUpGradient(lane: $0, step: step, parameters: result.count) }
  for (index, found) in result.enumerated() {
    let values = gradients.map { Double($0[index]) }, mean = values.reduce(0, +) / Double(lanes)
    let allowed = relative * values.map { abs($0) }.max()! + common
    try expect(abs(Double(found) - mean) <= allowed, "step \(step), parameter \(index): \(found) instead of \(mean)")
  }
}

/// One lane's bad value is everyone's outcome, and the next steps are sound again.
private func averageUnsound(_ world: borrowing Communicator, _: [String]) throws {
  for type in averagerCatalog {
    let average = oneArray(3, type), coordinated = try CoordinatedStep(laneCount: lanes, over: world)
    var step = 0
    func outcome(_ bad: Float) throws -> AveragingOutcome {
      step += 1
      return try average.take(step, with: coordinated, over: world) { [1, $0 == lanes - 1 ? bad : 2, Float($0)] }
    }
    for bad in [Float.nan, -.nan, .infinity, -.infinity] {
      try expect(try outcome(bad) == .nonFinite, "\(type.name): \(bad)")
    }
    let huge = -Float.greatestFiniteMagnitude
    try expect(try outcome(huge) == .outOfRange(largest: -huge), "\(type.name): \(huge)")
    // The first step after it counts in units that suit the huge value.
    for step in 1...2 { try expect(try outcome(2) == .averaged(largest: 7), "\(type.name): step \(step)") }
    try expect(average.average.values == [1, 2, 3.5], "\(type.name): \(average.average.values)")
    try coordinated.close()
  }
}

/// average-in-flight WAY FILE: two modules of several buckets, each updated in turn and both together; WAY is buckets or whole. FILE
/// gets the averages and what the averagers carry to the next step.
private func averageInFlight(_ world: borrowing Communicator, _ arguments: [String]) throws {
  let averages = [30, 7].map { arrays in
    LaneAverage(
      ParameterSet((0..<arrays).map { ParameterSpecification("\($0)", [90_000 + $0], .constant(0)) }, seed: 1),
      averager: ExactAverager.self)
  }
  let coordinated = try CoordinatedStep(laneCount: lanes, over: world)
  var bytes: [UInt8] = []
  for (step, active) in [averages, [averages[1]], [averages[0]], averages.reversed()].enumerated() {
    let outcome = try coordinated.take(active, step: step, over: world) { pass in
      for average in active { fill(average, lane: pass.lane, step: step) }
      // Some parameters are never used by the backward pass, and modules are reached in any order.
      if arguments[0] == "buckets" {
        for average in active.reversed() {
          for parameter in average.source.parameters.reversed() where parameter.name != "3" { pass.markReady(parameter) }
        }
      }
      return []
    }
    try expect(outcome.averages.count == active.count && outcome.verdict == .update, "\(outcome)")
    for average in active {
      bytes += average.average.values.withUnsafeBytes { Array($0) } + Array(average.averager.carried.utf8)
    }
  }
  try coordinated.close()
  if world.rank == 0 { try writeDurably(bytes, to: arguments[1]) }
}

/// Fills gradients with numbers of both signs whose magnitude falls over twelve decades, and with the steps.
private func fill(_ average: LaneAverage, lane: Int, step: Int) {
  let gradients = average.source.gradients
  let magnitudes = (0..<40).map { Float(sign: .plus, exponent: -$0 - 3 * step, significand: 1) }
  for index in 0..<gradients.count {
    gradients.pointer[index] = (Float((index * 7 + lane * 131 + step) % 1009) * 0.001 - 0.3) * magnitudes[index % 40]
  }
}

/// One rank that plans differently is named to all; with two ranks nobody knows which one is right.
private func plans(_ world: borrowing Communicator, _: [String]) throws {
  try requireAlike("the same", "the plan", over: world)
  var message = ""
  do { try requireAlike(world.rank == world.size - 1 ? "another" : "the same", "the plan", over: world) } catch {
    message = error.description
    try expect(error.isShared, "everybody throws it")
  }
  let names = (0..<world.size).map { message.contains("rank \($0) on \(Communicator.hostName)") }
  let expected = (0..<world.size).map { world.size == 2 || $0 == world.size - 1 }
  try expect(names == expected, "unexpected message: \(message)")
}

/// control FILE: flags from any rank, and sums that do not depend on the ranks.
private func control(_ world: borrowing Communicator, _ arguments: [String]) throws {
  var word = ControlWord(lanes: lanes, valuesPerLane: 2)
  if world.rank == world.size - 1 { word.flags = [.save, .stop] }
  word.times = RankSeconds(load: 1, compute: world.rank == world.size / 2 ? 4 : 1, wait: Double(world.rank))
  word.largestBits = [Int32(world.rank), Int32(world.size - world.rank), .max]
  word.replicaHash = .max - UInt64(world.rank)
  for lane in try LanePlan(lanes: lanes, ranks: world.size).lanes(ofRank: world.rank, of: world.size) {
    word.set([1 / Double(lane + 3), -0.0], lane: lane)
  }
  let summary = try word.exchange(over: world)
  try expect(summary.flags == [.save, .stop], "flags: \(summary.flags)")
  let slowest = RankSeconds(load: 1, compute: 4, wait: Double(world.size / 2))
  try expect(summary.slowestRank == world.size / 2 && summary.times[world.size / 2] == slowest, "slowest rank: \(summary)")
  try expect(summary.times.map(\.wait) == (0..<world.size).map(Double.init), "each rank's own times: \(summary)")
  try expect(summary.largestBits == [Int32(world.size - 1), Int32(world.size), .max], "magnitudes: \(summary.largestBits)")
  try expect(summary.replicaHashes == (0..<world.size).map { .max - UInt64($0) }, "hashes: \(summary.replicaHashes)")
  try expect(summary.laneValues[7] == [0.1, 0], "values of lane 7: \(summary.laneValues[7])")
  if world.rank == 0 {
    try writeDurably(Array("\(summary.sum(0).bitPattern) \(summary.sum(1).bitPattern)".utf8), to: arguments[0])
  }
}
