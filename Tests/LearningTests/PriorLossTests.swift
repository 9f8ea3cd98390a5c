// Losses that a frozen prior takes part in, against numbers computed independently in Float64 and against plain arithmetic in
// Double.

import Foundation
import Kernels
import Learning
import Tensors
import Testing

@Suite struct PriorLossTests {
  func prior(_ logits: [Float], present: [Bool] = [true], temperature: Double = 1) -> PriorProbabilities {
    let classes = present.count
    return PriorProbabilities(
      logits: Tensor(logits, shape: [1, 1, 1, logits.count / classes, classes]), isPresent: present, temperature: temperature)
  }

  @Test func distillationGoldens() {
    let tape = Tape(recording: false), student = Tensor([0.2, 1], shape: [1, 1, 1, 1, 2])
    let soft = prior([3], temperature: 2)
    #expect(abs(soft.values.values[1] - 0.81757448) < 1e-6)
    #expect(abs(tape.distillation(student, prior: soft, temperature: 2).value - 0.05546695) < 1e-6)
    #expect(abs(tape.distillation(student, prior: soft, temperature: 2, reduction: .voxelSum).value - 0.11093390) < 1e-6)
    let hard = prior([1], temperature: 2)
    #expect(abs(hard.values.values[1] - 0.62245933) < 1e-6)
    #expect(abs(tape.distillation(student, prior: hard, temperature: 2).value - 0.00059210) < 1e-7)
  }

  @Test func theReleasedTermIsLeastAtTheUniformPrediction() {
    let tape = Tape(recording: false)
    let uniform = Tensor([0.3, 0.3, -1, -1], shape: [1, 1, 1, 2, 2]), sure = Tensor([0, 4, 0, 0], shape: [1, 1, 1, 2, 2])
    #expect(abs(tape.confidencePenalty(uniform, temperature: 2).value - log(2)) < 1e-6)
    let q = 1 / (1 + exp(-2.0)), expected = (-(log(q) + log(1 - q)) / 2 + log(2)) / 2
    #expect(abs(tape.confidencePenalty(sure, temperature: 2).value - expected) < 1e-6)
  }

  @Test func aPriorOfSeveralClassesIsNormalised() {
    let p = prior([1, -2], present: [true, true]).values.values.map(Double.init)
    let one = 1 / (1 + exp(-1.0)), two = 1 / (1 + exp(2.0)), none = (1 - one) * (1 - two), sum = one + two + none
    for (found, expected) in zip(p, [none / sum, one / sum, two / sum]) { #expect(abs(found - expected) < 1e-6) }
  }

  @Test func aPriorHasNoEffectOnClassesWithoutAnAnswer() {
    let tape = Tape(), student = tape.variable(Tensor([0.5, -0.2, 1.3], shape: [1, 1, 1, 1, 3]))
    let loss = tape.distillation(student, prior: prior([3, 9], present: [true, false]), temperature: 1)
    tape.backward(from: [(loss, weight: 1)])
    let gradient = tape.gradient(of: student)!.values
    #expect(gradient[2] == 0 && gradient[1] < 0 && abs(gradient[0] + gradient[1]) < 1e-7)
  }

  /// The prior agrees with voxel 0, contradicts voxel 1 and is silent of the class of voxel 2 in the last case.
  @Test(arguments: ConsistencyGate.Veto.allCases) func thePriorVetoesVoxelsOfTheGate(veto: ConsistencyGate.Veto) {
    let tape = Tape(recording: false)
    let p = Tensor([0.05, 0.95, 0.1, 0.9, 0.2, 0.8], shape: [1, 1, 1, 3, 2])
    let gate = ConsistencyGate(threshold: 0.7, veto: veto)
    let sums = tape.gatedConsistency(p, p, gate: gate, prior: prior([2, -2, 2])).gate
    let sigmoid = 1 / (1 + exp(-2.0))
    let expected: [ConsistencyGate.Veto: Double] = [.off: 3, .agree: 2, .soft: 1 + sigmoid]
    #expect(abs(sums.open - expected[veto]!) < 1e-6)
    let silent = tape.gatedConsistency(p, p, gate: gate, prior: prior([2, -2, 2], present: [false])).gate
    #expect(silent.open == 3)
  }

  @Test(arguments: GateKind.allCases) func gateWeightsAndTheirGradient(kind: GateKind) {
    let tape = Tape()
    let p = tape.variable(Tensor([0.1, 0.9, 0.7, 0.3], shape: [1, 1, 1, 2, 2]))
    let q = Tensor([0.2, 0.8, 0.4, 0.6], shape: [1, 1, 1, 2, 2])
    func divergence(_ a: Double, _ b: Double) -> Double {
      [(a, b), (1 - a, 1 - b)].reduce(0) { sum, pair in
        let middle = (pair.0 + pair.1) / 2
        return sum + (pair.0 * log(pair.0 / middle) + pair.1 * log(pair.1 / middle)) / 2
      }
    }
    let expected: [GateKind: [Double]] = [
      .hard: [1, 0], .soft: [pow(0.72, 2), 0], .softAll: [pow(0.72, 2), pow(0.42, 2)],
      .js: [exp(-2 * divergence(0.9, 0.8)), exp(-2 * divergence(0.3, 0.6))],
    ]
    let w = expected[kind]!, sum = w[0] + w[1]
    let (loss, gate) = tape.gatedConsistency(p, q, gate: ConsistencyGate(kind, threshold: 0.7))
    #expect(abs(gate.open - sum) < 1e-5)
    #expect(abs(loss.value - (w[0] * 0.02 + w[1] * 0.18) / (sum + 1e-6)) < 1e-5)
    tape.backward(from: [(loss, weight: 1)])
    let gradient = tape.gradient(of: p)!.values
    #expect(abs(Double(gradient[1]) - 2 * w[0] * 0.1 / sum) < 1e-5 && abs(Double(gradient[3]) + 2 * w[1] * 0.3 / sum) < 1e-5)
  }

  @Test func alignmentGolden() {
    let tape = Tape(), still = Tape(recording: false)
    let seen = PriorProbabilities(
      logits: Tensor([40, 0, -40], shape: [1, 1, 1, 3, 1]), isPresent: [true])
    let weights = seen.weights(exponent: 1.5, grid: [1, 1, 3])
    for (found, expected) in zip(weights.values, [1, 0.35355339, 0] as [Float]) { #expect(abs(found - expected) < 1e-6) }
    let f = tape.variable(Tensor([1, 0, 2, 1, 0, 3], shape: [1, 1, 1, 3, 2]))
    let c = Tensor([1, 1, 2, 0, 1, 3], shape: [1, 1, 1, 3, 2])
    let pooled = tape.pooled(f, weights: weights), target = still.pooled(c, weights: weights)
    for (found, expected) in zip(pooled.values + target.values, [1.2612039, 0.2612039, 1.2612039, 0.7387961] as [Float]) {
      #expect(abs(found - expected) < 1e-6)
    }
    let loss = tape.alignment(pooled, to: target, weights: [1])
    #expect(abs(loss.value - 0.05256765) < 1e-6)
    #expect(abs(tape.alignment(target, to: target, weights: [1]).value) < 1e-9, "zero for identical views")
  }

  @Test func weightsAreAveragedOverTheVoxelsOfACoarserGrid() {
    let logits = Tensor((0..<16).map { Float($0) / 4 - 2 }, shape: [1, 2, 2, 4, 1])
    let seen = PriorProbabilities(logits: logits, isPresent: [true]), fine = seen.weights(exponent: 1.5, grid: [2, 2, 4]).values
    let coarse = seen.weights(exponent: 1.5, grid: [1, 1, 2]).values
    let first = [0, 1, 4, 5, 8, 9, 12, 13].reduce(Float(0)) { $0 + fine[$1] / 8 }
    #expect(abs(coarse[0] - first) < 1e-6 && coarse[1] > coarse[0])
  }
}
