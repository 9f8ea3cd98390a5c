// How often classes were met in pseudo-labels, and what they are worth in blending a teacher's logits with those of cubes (MagicNet:
// DeepMed-Lab-ECNU/MagicNet, code/utils/util.py). Axes: D H W voxels, K classes.

import Kernels
import Learning
import Tensors

/// Counts of the pseudo-labels of the last window of steps, and of the one that is going on.
package final class ClassFrequencies {
  /// Steps of a window.
  private static let window = 20
  /// [K] each; saved with the run.
  let counts, next: Tensor

  package init(classes: Int, counts: [Float]? = nil) {
    self.counts = counts.map { Tensor($0, shape: [classes]) } ?? Tensor(zeros: [classes])
    next = Tensor(zeros: [classes])
  }

  var carried: [CarriedVector] { [CarriedVector("classCounts", counts), CarriedVector("nextClassCounts", next)] }
  package var values: [Float] { counts.values }

  /// ω: 1 for the class that was met most often, 0 for one that was not met.
  package var weights: [Float] {
    let counts = counts.values, most = counts.max() ?? 0
    return counts.map { most > 0 ? $0 / most : 0 }
  }

  /// Adds what all lanes counted in a step; the step that ends a window makes its counts those of the steps to come.
  package func add(_ found: [Double], at step: Int) {
    for (label, count) in found.enumerated() { next.pointer[label] += Float(count) }
    guard step % Self.window == 0 else { return }
    counts.pointer.update(from: next.pointer, count: counts.count)
    next.pointer.update(repeating: 0, count: next.count)
  }
}

/// The likeliest classes of (1 - ω) · teacher + ω · cubes, with the ω of the class that the teacher gives to the voxel.
/// - Parameter weights: ω of each class.
/// - Shape: both logits [1, D, H, W, K]; D·H·W labels.
package func blendedLabels(teacher: Tensor, cubes: Tensor, weights: [Float]) -> [UInt8] {
  let classes = teacher.shape.channels, said = likeliestLabels(teacher), blended = Tensor(uninitialized: teacher.shape)
  parallelFor(said.count, grain: 1 << 12) { start, end in
    for voxel in start..<end {
      let share = weights[Int(said[voxel])]
      for index in voxel * classes..<(voxel + 1) * classes {
        blended.pointer[index] = (1 - share) * teacher.pointer[index] + share * cubes.pointer[index]
      }
    }
  }
  return withExtendedLifetime((teacher, cubes)) { likeliestLabels(blended) }
}
