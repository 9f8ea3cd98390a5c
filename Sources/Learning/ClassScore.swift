// The score that class activation maps explain (Seg-Grad-CAM, Vinogradova et al., arXiv:2002.11434).

import Kernels
import Tensors

extension Tape {
  /// The sum of the logits of one class over chosen voxels.
  /// - Shape: logits [B, D, H, W, K]; `voxels` are row-major indices below B·D·H·W, each once.
  public func classScore(_ logits: Tensor, label: Int, voxels: [Int]) -> Scalar {
    let classes = logits.shape.channels
    require(
      label >= 0 && label < classes && voxels.allSatisfy { $0 >= 0 && $0 < logits.shape.rows },
      "class score: class \(label) and \(voxels.count) voxels are not all within \(logits.shape): choose those of this volume.")
    let value = voxels.reduce(0.0) { $0 + Double(logits.pointer[$1 * classes + label]) }
    return recordScalar("classScore", inputs: [logits], value: value) { seed in
      let dz = Tensor(zeros: logits.shape)
      for voxel in voxels { dz.pointer[voxel * classes + label] = Float(seed) }
      self.accumulate(dz, for: logits)
    }
  }
}
