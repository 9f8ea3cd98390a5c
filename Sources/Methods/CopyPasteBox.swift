// The box of a crop whose voxels are replaced by those of another crop (BCP: Bai et al., arXiv:2305.00673; DeepMed-Lab-ECNU/BCP, code/LA_BCP_train.py).
// Axes: D H W voxels, C channels.

import Preparation
import Tensors

/// A box in crops of one size.
package struct CopyPasteBox {
  /// D, H, W of the crops.
  private let crop: [Int]
  private let start, size: [Int]

  package init(in crop: [Int], start: [Int], size: [Int]) { (self.crop, self.start, self.size) = (crop, start, size) }

  /// A box of two thirds of each side at a random place: one for all crops of a step, on all lanes.
  init(in crop: [Int], at step: Step) {
    let key = RandomKey(seed: step.seed, volume: "copy-paste", draw: UInt64(step.index), stream: RandomStream.mixing)
    let size = crop.map { max(1, 2 * $0 / 3) }
    let start = (0..<3).map { key.integer(UInt64($0), below: max(1, crop[$0] - size[$0])) }
    self.init(in: crop, start: start, size: size)
  }

  /// One crop with the voxels of another in the box. Shapes: both [1, D, H, W, C].
  package func pasted(_ inside: Tensor, over outside: Tensor) -> Tensor {
    let result = Tensor(outside.values, shape: outside.shape), channels = outside.shape.channels
    withExtendedLifetime(inside) {
      for row in rows {
        (result.pointer + row.lowerBound * channels).update(
          from: inside.pointer + row.lowerBound * channels, count: row.count * channels)
      }
    }
    return result
  }

  /// The same of D·H·W labels; nil for none, which no class has.
  package func pasted(_ inside: [UInt8]?, over outside: [UInt8]?) -> [UInt8] {
    let none = [UInt8](repeating: .max, count: crop.reduce(1, *)), inside = inside ?? none
    var result = outside ?? none
    for row in rows { result.replaceSubrange(row, with: inside[row]) }
    return result
  }

  /// The voxels of the box, a row along W at a time.
  private var rows: [Range<Int>] {
    (start[0]..<start[0] + size[0]).flatMap { d in
      (start[1]..<start[1] + size[1]).map { h in
        let first = (d * crop[1] + h) * crop[2] + start[2]
        return first..<first + size[2]
      }
    }
  }
}
