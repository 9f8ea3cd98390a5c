// The model on made-up measurements: times by the formula with known parameters, times a random error, must give these parameters
// back, and the predictions must hold what a measurement without error would show.

import Foundation
import Tensors
import Testing

import Scaling

@Suite struct ModelTests {
  static let truth = StepModel(
    network: NetworkModel(latency: 40e-6, secondsPerByte: 1 / 117e6, addSecondsPerByte: 1 / 4e9),
    exchange: Exchange(bytes: 38_000_000, buckets: 5, backwardSeconds: 1.2), nodeSeconds: 2, jitter: 0.02)

  /// Five repeats for each number of nodes; every time is off by a Gaussian factor.
  static func data(seed: UInt64, noise: Double, strong: Bool = false, nodes: [Int] = [1, 2, 4, 8]) -> ModelData {
    let key = RandomKey(seed), lanes = 64
    var number: UInt64 = 0
    func disturbed(_ seconds: Double) -> Double {
      number += 1
      return seconds * (1 + noise * key.gaussian(number))
    }
    let steps = nodes.map { nodes in
      let load = strong ? Double((lanes + nodes - 1) / nodes) / Double(lanes) : 1
      return (0..<5).map { _ in
        NodeStep(nodes: nodes, load: load, seconds: disturbed(truth.step(nodes: nodes, load: load).wall))
      }
    }
    let allreduce = nodes.filter { $0 > 1 }.flatMap { nodes in
      [4096, 65536, 1 << 20, 4 << 20].map { bytes in
        (0..<5).map { _ in
          AllreduceTime(
            nodes: nodes, bytes: bytes, seconds: disturbed(truth.network.allreduceSeconds(bytes: Double(bytes), nodes: nodes)))
        }
      }
    }
    return ModelData(
      allreduce: allreduce, steps: steps, exchange: truth.exchange, addSecondsPerByte: truth.network.addSecondsPerByte)
  }

  /// Efficiencies calculated apart from this program: V-Net, 2 s a step, weak efficiency in percent with and without overlap.
  @Test(arguments: [
    (117e6, 40e-6, [95, 91, 90, 89, 88, 88], [84, 75, 73, 72, 71, 71]),
    (1.15e9, 18e-6, [97, 95, 94, 93, 93, 92], [96, 93, 92, 91, 90, 90]),
  ])
  func theFormulaGivesTheSpecificationsTable(_ bandwidth: Double, _ latency: Double, _ with: [Int], _ without: [Int]) {
    for (buckets, expected) in [(5, with), (1, without)] {
      let model = StepModel(
        network: NetworkModel(latency: latency, secondsPerByte: 1 / bandwidth, addSecondsPerByte: 1 / 4e9),
        exchange: Exchange(bytes: 38_000_000, buckets: buckets, backwardSeconds: 4.0 / 3), nodeSeconds: 2, jitter: 0.02)
      for (nodes, percent) in zip([2, 8, 32, 128, 512, 1024], expected) {
        let efficiency = 200 / model.step(nodes: nodes, load: 1).wall
        #expect(abs(efficiency - Double(percent)) < 1.6, "\(nodes) nodes, \(buckets) buckets: \(efficiency)")
      }
    }
  }

  @Test(arguments: [false, true]) func exactTimesGiveExactParameters(strong: Bool) throws {
    let model = try ScalingModel(Self.data(seed: 1, noise: 0, strong: strong), seed: 1, draws: 20)
    func near(_ found: Double, _ expected: Double) -> Bool { abs(found / expected - 1) < 1e-6 }
    #expect(near(model.model.network.latency, 40e-6) && near(model.model.network.secondsPerByte, 1 / 117e6))
    #expect(near(model.model.nodeSeconds, 2) && near(model.model.jitter, 0.02))
    #expect(abs(model.leaveOneOutError!) < 1e-6)
  }

  /// With errors of 1 %: latency and bandwidth within 5 %, the node's step within 1 %, the jitter within 0.01, and the step on
  /// the largest measured number of nodes predicted within 10 % without it.
  @Test(arguments: 1...8) func disturbedTimesGiveTheParametersBack(seed: Int) throws {
    let model = try ScalingModel(Self.data(seed: UInt64(seed), noise: 0.01), seed: UInt64(seed), draws: 100)
    #expect(abs(model.latency.value / 40e-6 - 1) < 0.05 && abs(model.secondsPerByte.value * 117e6 - 1) < 0.05)
    #expect(abs(model.nodeSeconds.value - 2) < 0.02 && abs(model.jitter.value - 0.02) < 0.01)
    #expect(abs(try #require(model.leaveOneOutError)) < 0.1 && model.largestNodes == 8)
    #expect(model.latency.low <= model.latency.value && model.latency.value <= model.latency.high)
  }

  /// Over many studies the true step on 1024 nodes lies in nearly all of the intervals, and these are no wider than they need be.
  @Test func intervalsOfPredictionsHoldTheTruth() throws {
    let truth = Self.truth.step(nodes: 1024, load: 1).wall
    var hits = 0
    for seed in 1...60 {
      let model = try ScalingModel(Self.data(seed: UInt64(100 + seed), noise: 0.01), seed: 1, draws: 100)
      let found = model.stepSeconds(nodes: 1024, load: 1)
      if found.low <= truth, truth <= found.high { hits += 1 }
      #expect(found.high / found.low > 1.005 && found.high / found.low < 1.2)
    }
    #expect(hits >= 54, "\(hits) of 60")
  }

  @Test func whatCannotBeFittedIsRefused() {
    var data = Self.data(seed: 1, noise: 0)
    data.allreduce = []
    #expect(throws: ScalingError.self) { try ScalingModel(data, seed: 1) }
    #expect(throws: ScalingError.self) { try ScalingModel(Self.data(seed: 1, noise: 0, nodes: [4]), seed: 1) }
    let two = try? ScalingModel(Self.data(seed: 1, noise: 0, nodes: [1, 2]), seed: 1)
    #expect(two != nil && two?.leaveOneOutError == nil, "nothing is left to fit without the largest of two")
  }

  /// Two equations and a sum that hold exactly; lines that only a negative y or x would fit, whose best lies on the border.
  @Test(arguments: [
    Fit(rows: [[1, 0, 2], [0, 1, 3], [1, 1, 5]], x: 2, y: 3), Fit(rows: [[1, 1, 1], [1, 2, 0.5]], x: 0.75, y: 0),
    Fit(rows: [[1, 0, -1], [0, 1, 4]], x: 0, y: 4),
  ]) func fitsStayAboveZero(_ fit: Fit) {
    let found = nonNegativeFit(fit.rows.map { (a: $0[0], b: $0[1], c: $0[2]) })
    #expect(abs(found.x - fit.x) < 1e-9 && abs(found.y - fit.y) < 1e-9, "\(found)")
  }

  struct Fit: Sendable {
    let rows: [[Double]]
    let x: Double
    let y: Double
  }
}
