// A prior's answer as labels. Axes: D H W voxels, K classes.

import Kernels
import Tensors

extension PriorAnswer {
  /// D·H·W labels: the foreground class with the highest logit above 0, else background; voxels that the student gives to a class of which
  /// the prior has no answer stay as they are. Nil where it has none for any class.
  /// - Parameter student: class probabilities, [1, D, H, W, K].
  func labels(beside student: Tensor) -> [UInt8]? {
    guard isPresent.contains(true) else { return nil }
    // Zeros, because a rehearsal leaves them as they are.
    var labels = [UInt8](repeating: 0, count: student.shape.rows)
    withExtendedLifetime((logits, student)) {
      priorLabels(
        logits: logits.pointer, student: student.pointer, isPresent: isPresent, into: &labels, count: labels.count)
    }
    return labels
  }
}

extension Tensor {
  /// 1 for the class of each voxel's label, 0 for the others.
  /// - Shape: D·H·W labels below K; result [1, D, H, W, K].
  package init(oneHot labels: [UInt8], shape: Shape) {
    self.init(uninitialized: shape)
    Kernels.oneHot(labels, into: pointer, count: shape.rows, classes: shape.channels)
  }
}
