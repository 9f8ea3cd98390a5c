// What losses on several heads need: the weight of each head and labels at its resolution (MIC-DKFZ/nnUNet,
// nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py).

public enum DeepSupervision {
  /// Weights of heads, the highest resolution first: halved from head to head, nothing for the last of several, 1 in sum.
  public static func weights(heads: Int) -> [Double] {
    let counted = max(1, heads - 1), halved = (0..<heads).map { $0 < counted ? 1 / Double(1 << $0) : 0 }
    let sum = halved.reduce(0, +)
    return halved.map { $0 / sum }
  }

  /// Labels at a head's resolution: of the voxels that an output voxel covers the one at its centre, ⌊(o + 1/2) · n / m⌋.
  /// - Parameters: `size` and `smaller` in voxels, D, H, W; the result has `smaller` voxels.
  public static func labels(_ labels: [UInt8], size: [Int], smaller: [Int]) -> [UInt8] {
    let from = (0..<3).map { axis in (0..<smaller[axis]).map { (2 * $0 + 1) * size[axis] / (2 * smaller[axis]) } }
    var result: [UInt8] = []
    result.reserveCapacity(smaller.reduce(1, *))
    for d in from[0] { for h in from[1] { for w in from[2] { result.append(labels[(d * size[1] + h) * size[2] + w]) } } }
    return result
  }
}
