// What a prior's answer holds for the terms of ReLiF-3D, and what is logged of it and of the gate.
// Axes: D H W voxels, K classes, F = K - 1 foreground classes.

import Kernels
import Learning
import Networks
import Tensors

/// A prior's answer in the forms that losses read.
struct Guidance {
  let answer: PriorAnswer
  /// p^s [1, D, H, W, K], at temperature 1.
  let probabilities: PriorProbabilities

  init(_ answer: PriorAnswer) {
    self.answer = answer
    probabilities = PriorProbabilities(logits: answer.logits, isPresent: answer.isPresent)
  }

  /// What the student is to learn: the softened logits, or the softened mask, whose logits are ±1.
  func target(temperature: Double, isHard: Bool) -> PriorProbabilities {
    let logits =
      isHard ? Tensor(answer.logits.values.map { $0 > 0 ? 1 : -1 }, shape: answer.logits.shape) : answer.logits
    return PriorProbabilities(logits: logits, isPresent: answer.isPresent, temperature: temperature)
  }

  /// 1 for voxels [D·H·W] at which the prior's most probable class is surer than 0.5 by more than `margin`, else 0.
  func voxels(surerBy margin: Double) -> Tensor {
    let values = probabilities.values, classes = values.shape.channels, result = Tensor(uninitialized: [values.shape.rows])
    let from = values.pointer, to = result.pointer, least = Float(0.5 + margin)
    withExtendedLifetime(values) {
      parallelFor(result.count, grain: 1 << 13) { start, end in
        for voxel in start..<end {
          var highest: Float = 0
          for k in 0..<classes { highest = max(highest, from[voxel * classes + k]) }
          to[voxel] = highest > least ? 1 : 0
        }
      }
    }
    return result
  }

  /// The mean Dice of the classes that the prior answers for; nil if there are none.
  func dice(with label: [UInt8]) -> Double? {
    let found = argmaxLabels(probabilities.values.values, classes: answer.isPresent.count + 1)
    let present = answer.isPresent.indices.filter { answer.isPresent[$0] }
    guard !present.isEmpty else { return nil }
    return present.reduce(0) { $0 + overlap(found, label, class: UInt8($1 + 1)) } / Double(present.count)
  }

  private func overlap(_ found: [UInt8], _ label: [UInt8], class k: UInt8) -> Double {
    var both = 0, either = 0
    for (one, other) in zip(found, label) {
      both += one == k && other == k ? 1 : 0
      either += (one == k ? 1 : 0) + (other == k ? 1 : 0)
    }
    return either == 0 ? 1 : 2 * Double(both) / Double(either)
  }
}

/// What a batch shows of gate and prior.
struct GuidanceStatistics {
  private let samples: Int
  private var coverage = 0.0, foregroundCoverage = 0.0, present = 0.0
  private var dice: [Double] = []

  init(samples: Int) { self.samples = samples }

  mutating func add(_ gate: GateSums, share: Double, voxels: Int) {
    coverage += share * gate.open / Double(voxels)
    foregroundCoverage += share * gate.openForeground / max(1, gate.foreground)
  }

  mutating func add(_ guidance: Guidance, label: [UInt8]?) {
    let marks = guidance.answer.isPresent
    present += Double(marks.filter { $0 }.count) / Double(marks.count * max(1, samples))
    if let label, let found = guidance.dice(with: label) { dice.append(found) }
  }

  /// Gate coverage, and of the prior the share of (sample, class) for which it answers and its Dice on labelled crops, prompted by
  /// their labels.
  func diagnostics(hasPrior: Bool) -> [(name: String, value: Double)] {
    let gate = [("gateCoverage", coverage), ("gateForeground", foregroundCoverage)]
    guard hasPrior else { return gate }
    return gate + [("priorPresent", present), ("priorDice", dice.isEmpty ? 0 : dice.reduce(0, +) / Double(dice.count))]
  }
}
