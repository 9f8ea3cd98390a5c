// Averaging: the averagers agree with sums in Double; what cannot be added is reported, not added. The multi-rank runs are in
// Tests/Scenarios/AveragingScenarios.swift; BucketTests compares bytes over rank counts.

import Cluster
import Foundation
import MPI
import TestSupport
import Testing

@Suite struct AveragingTests {
  /// The scenario judges every parameter by the magnitude of its own gradients, which fall over twelve decades.
  @Test(arguments: averagerCatalog.map { $0.name }) func averagesAgreeWithSumsInDouble(averager: String) throws {
    let run = try mpirun(3, ["average", averager, "10007"])
    #expect(run.status == 0, "\(run.output)")
  }

  @Test(arguments: [1, 2, 3, 4, 8])
  func allRanksSeeTheOutcomeOfUnsoundGradients(ranks: Int) throws {
    let run = try mpirun(ranks, ["average-unsound"])
    #expect(run.status == 0, "\(run.output)")
  }

  /// Against Double: each step's error stays below 1e-9 of that step's greatest gradient although the gradients fall tenfold from step to step.
  @Test func exactAgreesWithSumsInDouble() throws {
    let (parameters, lanes) = (501, 7)
    let averager = ExactAverager(parameterCount: parameters)
    for step in 0..<5 {
      let gradients = (0..<lanes).map { lane in
        (0..<parameters).map { Float(sin(Double(lane * 31 + $0 * 7 + step)) * pow(0.1, Double(step))) }
      }
      let (outcome, average) = try averager.alone(gradients, lanes: lanes)
      let largest = gradients.joined().map { abs($0) }.max()!
      #expect(outcome == .averaged(largest: largest))
      for index in 0..<parameters {
        let expected = gradients.reduce(0.0) { $0 + Double($1[index]) } / Double(lanes)
        // The result is a Float: half a unit in its last place comes on top.
        #expect(abs(Double(average[index]) - expected) <= 1e-9 * Double(largest) + abs(expected) * 6e-8)
      }
    }
  }

  @Test func exactGoesOnFromItsCarriedState() throws {
    func step(_ averager: ExactAverager, _ value: Float) throws -> [UInt32] {
      try averager.alone([[value, value / 3]], lanes: 3).average.map(\.bitPattern)
    }
    let whole = ExactAverager(parameterCount: 2)
    _ = try step(whole, 1e-7)
    let resumed = ExactAverager(parameterCount: 2)
    try resumed.restore(carried: whole.carried)
    #expect(try step(whole, 3e-8) == step(resumed, 3e-8))
    #expect(throws: ClusterError.self) { try resumed.restore(carried: "much") }
  }

  @Test func growthBeyondTheHeadroomSkipsOneStep() throws {
    let averager = ExactAverager(parameterCount: 1)
    func outcome(_ value: Float) throws -> AveragingOutcome { try averager.alone([[value]], lanes: 1).outcome }
    #expect(try outcome(1) == .averaged(largest: 1))
    #expect(try outcome(65_536) == .averaged(largest: 65_536))
    #expect(try outcome(1e12) == .outOfRange(largest: 1e12))
    #expect(try outcome(1e12) == .averaged(largest: 1e12))
    #expect(try outcome(0) == .averaged(largest: 0))
  }

  @Test func averagersAreFoundByName() throws {
    #expect(Set(averagerCatalog.map { $0.name }).count == averagerCatalog.count)
    #expect(try averager(named: "fast").name == "fast")
    let error = #expect(throws: ClusterError.self) { try averager(named: "exakt") }
    #expect(error?.description.contains("exact, fast") == true)
  }

  @Test func controlWordDoesNotDependOnRanks() throws {
    let folder = TemporaryFolder()
    var texts: Set<Data> = []
    for ranks in [1, 2, 3, 4] {
      let path = folder.path + "/control-\(ranks)"
      let run = try mpirun(ranks, ["control", path])
      #expect(run.status == 0, "\(run.output)")
      texts.insert(try Data(contentsOf: URL(fileURLWithPath: path)))
    }
    #expect(texts.count == 1)
  }
}

extension ExactAverager {
  /// A step of one rank, whose lanes have these gradients.
  fileprivate func alone(_ gradients: [[Float]], lanes: Int) throws -> (outcome: AveragingOutcome, average: [Float]) {
    begin()
    for gradient in gradients.dropLast() { gradient.withUnsafeBufferPointer { add($0, at: 0..<$0.count) } }
    var values = gradients.last!
    values.withUnsafeMutableBufferPointer { average($0, at: 0..<$0.count, lanes: lanes) }
    return (try judge(lanes: lanes, largestBits: largestBits), values)
  }
}
