// What teachers and priors bring to a loss: weights of voxels, ramps and moving averages, against numbers computed independently in
// Float64 and against the formulas written out.

import Foundation
import Kernels
import Learning
import Tensors
import Testing

@Suite struct TeachingTests {
  func tensor(_ values: [Float], channels: Int) -> Tensor {
    Tensor(values, shape: [1, 1, 1, values.count / channels, channels])
  }

  @Test func theSquaredDifferenceIsAMeanOverVoxelsAndClasses() {
    let tape = Tape()
    let p = tape.variable(tensor([0.9, 0.1, 0.4, 0.6, 0.5, 0.5], channels: 2)), target = tensor([1, 0, 1, 0, 0, 1], channels: 2)
    #expect(abs(tape.squaredDifference(p, to: target).value - (0.02 + 0.72 + 0.5) / 6) < 1e-6)
    let weighted = tape.squaredDifference(p, to: target, weights: tensor([1, 3, 0], channels: 1))
    #expect(abs(weighted.value - (0.02 + 3 * 0.72) / 8) < 1e-6)
    tape.backward(from: [(weighted, weight: 1)])
    let gradient = tape.gradient(of: p)!.values
    #expect(abs(gradient[2] - 2 * 3 * -0.6 / 8) < 1e-6 && gradient[4] == 0, "a voxel of weight 0 has no gradient")
    #expect(tape.squaredDifference(p, to: target, weights: tensor([0, 0, 0], channels: 1)).value == 0)
  }

  /// Entropies in units of ln 2: 0.469 of (0.9, 0.1), 0.971 of (0.6, 0.4).
  @Test func certainVoxelsAreThoseOfLowEntropy() {
    let sum = tensor([3.6, 0.4, 2.4, 1.6, 4, 0], channels: 2)
    #expect(VoxelWeights.certain(sum: sum, passes: 4, limit: 0.75).values == [1, 0, 1])
    #expect(VoxelWeights.certain(sum: sum, passes: 4, limit: 0.98).values == [1, 1, 1])
    #expect(VoxelWeights.certain(sum: sum, passes: 4, limit: 0.4).values == [0, 0, 1])
  }

  @Test func uncertainVoxelsCountLess() {
    let weights = VoxelWeights.falling(uncertainty: tensor([0, 0, 0.1, 0.1, 0.1, 0.6], channels: 2)).values
    for (weight, sum) in zip(weights, [0, 0.2, 0.7]) { #expect(abs(Double(weight) - exp(-sum / 0.3)) < 1e-6) }
    #expect(VoxelWeights.falling(uncertainty: tensor([0, 0, 0], channels: 1)).values == [1, 1, 1])
  }

  @Test func labelsOfAPrior() {
    // Voxels: both classes seen, one seen, none; none, where the student names the class of which the prior is silent.
    let z: [Float] = [2, 3, 1, -1, -1, -2, -1, -2], p: [Float] = [1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]
    func labels(_ isPresent: [Bool]) -> [UInt8] {
      var labels = [UInt8](repeating: 9, count: 4)
      priorLabels(logits: z, student: p, isPresent: isPresent, into: &labels, count: 4)
      return labels
    }
    #expect(labels([true, true]) == [2, 1, 0, 0])
    #expect(labels([true, false]) == [1, 1, 0, 2])
    #expect(labels([false, true]) == [2, 0, 1, 0])
  }

  /// Long enough for several threads, at any place in the vector.
  @Test func noiseIsGaussianByItsKeyAndCutOff() {
    let count = 100_000, key = RandomKey(77)
    let x = (0..<count).map { Float($0 % 5) }
    var y = [Float](repeating: 0, count: count)
    addNoise(x, into: &y, standardDeviation: 0.1, limit: 0.2, key: key.value, count: count)
    let noise = zip(y, x).map { Double($0 - $1) }
    for index in [0, 1, 4095, 32768, 65537, 99_999] {
      #expect(abs(noise[index] - min(0.2, max(-0.2, 0.1 * key.gaussian(UInt64(index))))) < 1e-6)
    }
    let variance = noise.reduce(0) { $0 + $1 * $1 } / Double(count)
    // Of a Gaussian cut off at two standard deviations: 0.92.
    #expect(abs(noise.reduce(0, +) / Double(count)) < 1e-3 && abs(variance - 0.0092) < 3e-4)
    #expect(noise.max()! < 0.2 + 1e-6 && noise.contains { $0 > 0.19999 })
  }

  @Test(
    arguments: [
      (0, 6.737947e-4), (3000, 1.742237e-3), (7500, 6.005466e-3), (15000, 2.865048e-2), (22500, 7.316156e-2),
      (29999, 9.998750e-2),
      (30000, 0.1),
    ])
  func consistencyRamp(step: Int, expected: Double) {
    #expect(abs(0.1 * ConsistencyRamp.weight(at: step, of: 30000) / expected - 1) < 1e-6)
  }

  @Test(arguments: [(0, 0.0), (1, 0.5), (9, 0.9), (98, 1 - 1 / 99.0), (99, 0.99), (5000, 0.99)])
  func theDecayOfTheTeacherRises(step: Int, expected: Double) { #expect(abs(MovingAverage.keep(at: step) - expected) < 1e-12) }

  @Test func theFirstStepsOfAMovingAverageAreAMean() {
    let teacher = tensor([100, 100], channels: 1)
    for (step, student) in ([[1, 0], [2, 4], [6, 2]] as [[Float]]).enumerated() {
      MovingAverage.update(teacher, with: tensor(student, channels: 1), at: step)
    }
    #expect(zip(teacher.values, [3, 2]).allSatisfy { abs($0 - $1) < 1e-6 })
  }
}
