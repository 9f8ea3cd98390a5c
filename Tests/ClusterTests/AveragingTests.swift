// Averaging: the exact averager gives the same bytes on any number of ranks and agrees with sums in Double; what cannot be added is reported, not
// added. The multi-rank runs are in Tests/Scenarios/AveragingScenarios.swift.

import Cluster
import Foundation
import MPI
import TestSupport
import Testing

@Suite struct AveragingTests {
  private let folder = TemporaryFolder()

  private func result(_ averager: String, ranks: Int) throws -> Data {
    let path = folder.path + "/\(averager)-\(ranks)"
    let run = try mpirun(ranks, ["average", averager, "10007", path])
    #expect(run.status == 0, "\(run.output)")
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  @Test func exactGivesTheSameBytesOnAnyNumberOfRanks() throws {
    let single = try result("exact", ranks: 1)
    // On eight ranks each has one lane, whose gradient travels as it is.
    for ranks in [2, 3, 4, 8] { #expect(try result("exact", ranks: ranks) == single) }
  }

  @Test func exactAndFastAgreeToSinglePrecision() throws {
    let (exact, fast) = (try result("exact", ranks: 3), try result("fast", ranks: 3))
    let count = 10_007
    exact.withUnsafeBytes { exact in
      fast.withUnsafeBytes { fast in
        for index in 0..<count {
          let (a, b) = (
            exact.loadUnaligned(fromByteOffset: index * 4, as: Float.self),
            fast.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
          )
          #expect(abs(a - b) <= 1e-6 * 4)
        }
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 8])
  func unsoundGradientsAreEveryonesOutcome(ranks: Int) throws {
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
    for gradient in gradients.dropLast() { gradient.withUnsafeBufferPointer { add(laneGradient: $0) } }
    var average = gradients.last!
    let outcome = try average.withUnsafeMutableBufferPointer { try finish($0, lanes: lanes, over: .alone) }
    return (outcome, average)
  }
}
