// Losses against numbers that were computed independently in Float64.

import Kernels
import Learning
import Tensors
import Testing

@Suite struct LossTests {
  /// Two-class probabilities of a row of voxels from their foreground probability.
  func binary(_ foreground: [Float], on tape: Tape) -> Tensor {
    tape.variable(Tensor(foreground.flatMap { [1 - $0, $0] }, shape: [1, 1, 1, foreground.count, 2]))
  }

  @Test func diceAndCrossEntropyGoldens() {
    let tape = Tape()
    let p = binary([0.9, 0.8, 0.3, 0.1], on: tape), labels: [UInt8] = [1, 1, 0, 0]
    #expect(abs(tape.diceLoss(p, labels: labels).value - 0.0435147) < 1e-6)
    #expect(abs(tape.crossEntropy(p, probabilities: p, labels: labels).value - 0.1976349) < 1e-6)
  }

  @Test(arguments: [(0.9, 0.0031999968, 1.0), (0.7, 0.049999975, 2.0)])
  func gatedConsistencyGoldens(threshold: Double, expected: Double, open: Double) {
    let tape = Tape()
    let p = binary([0.05, 0.08, 0.70], on: tape), q = binary([0.09, 0.45, 0.92], on: tape)
    let (loss, gate) = tape.gatedConsistency(p, q, gate: ConsistencyGate(threshold: threshold))
    #expect(abs(loss.value - expected) < 1e-7 && gate.open == open)
    let swapped = tape.gatedConsistency(q, p, gate: ConsistencyGate(threshold: threshold))
    #expect(swapped.loss.value == loss.value, "symmetric under swapping the views")
    tape.backward(from: [(loss, weight: 1)])
    let gradient = tape.gradient(of: p)!.values
    #expect(gradient[2] == 0 && gradient[3] == 0, "no gradient where the gate is shut")
    #expect(gradient[0] != 0)
  }

  @Test func perClassWeighsBackgroundAndForegroundAlike() {
    let tape = Tape()
    let p = binary([0.05, 0.08, 0.70], on: tape), q = binary([0.09, 0.10, 0.92], on: tape)
    let loss = tape.gatedConsistency(p, q, gate: ConsistencyGate(threshold: 0.7), normalization: .perClass).loss.value
    #expect(abs(loss - 0.5 * ((0.0032 + 0.0008) / 2 + 0.0968)) < 1e-6)
  }

  @Test func identicalViewsAndShutGatesGiveZero() {
    let tape = Tape()
    let p = binary([0.2, 0.9, 0.6], on: tape)
    #expect(tape.gatedConsistency(p, p, gate: ConsistencyGate(threshold: 0.5)).loss.value == 0)
    let shut = tape.gatedConsistency(p, binary([0.8, 0.1, 0.1], on: tape), gate: ConsistencyGate(threshold: 0.5))
    #expect(shut.loss.value == 0 && shut.gate.open == 0)
  }

  @Test func coverageFallsAsTheThresholdRises() {
    let key = RandomKey(3)
    let tape = Tape()
    let p = tape.softmax(Tensor((0..<200).map { Float(2 * key.gaussian(UInt64($0))) }, shape: [1, 1, 1, 100, 2]))
    let q = tape.softmax(Tensor((200..<400).map { Float(2 * key.gaussian(UInt64($0))) }, shape: [1, 1, 1, 100, 2]))
    let open = [0.5, 0.6, 0.7, 0.8, 0.9].map { tape.gatedConsistency(p, q, gate: ConsistencyGate(threshold: $0)).gate.open }
    #expect(open == open.sorted(by: >) && open.first! > open.last!)
  }
}
