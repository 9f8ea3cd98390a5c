// Inputs and weights by formula, for goldens that were computed in double precision without any framework.
// Axes: B batch, D H W voxels, K classes.

import Foundation
import Learning
import Networks
import Tensors

/// Weights: keys in the order of their bytes; norm weights 1 + 0.1 s, biases 0.05 s, others 0.2 s, s = sin(0.37 (i + 1) + 0.11 j).
func fillByFormula(_ parameters: ParameterSet) {
  for (j, name) in parameters.parameters.map(\.name).sorted(by: { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
    .enumerated()
  {
    let parameter = parameters[name], isNorm = name.split(separator: ".").dropLast().last!.hasPrefix("norm")
    for i in 0..<parameter.shape.count {
      let s = sin(0.37 * Double(i + 1) + 0.11 * Double(j))
      parameter.value.pointer[i] = Float(name.hasSuffix(".bias") ? 0.05 * s : isNorm ? 1 + 0.1 * s : 0.2 * s)
    }
  }
}

/// An image [1, D, H, W, C] whose element i in channels-first order is sin(0.013 i) + 0.5 cos(0.0007 i).
func imageByFormula(_ size: [Int], channels: Int) -> Tensor {
  let voxels = size.reduce(1, *)
  let values = (0..<voxels * channels).map { place in
    let i = Double(place % channels * voxels + place / channels)
    return Float(sin(0.013 * i) + 0.5 * cos(0.0007 * i))
  }
  return Tensor(values, shape: Shape([1] + size + [channels]))
}

/// The golden values of one head.
struct HeadGolden {
  let size: [Int]
  let sums: [Double]
  let squares: Double
  /// First voxel of class 0 and last voxel of the last class.
  let ends: [Double]?

  /// The worst disagreement: sums relative to the sum of magnitudes, ends to the root mean square.
  func disagreement(_ logits: Tensor) -> Double {
    let values = logits.values.map { Double($0) }, classes = sums.count
    guard logits.shape.sizes == [1] + size + [classes] else { return .infinity }
    let found = (0..<classes).map { k in stride(from: k, to: values.count, by: classes).reduce(0) { $0 + values[$1] } }
    let squares = values.reduce(0) { $0 + $1 * $1 }, rms = (squares / Double(values.count)).squareRoot()
    let magnitude = values.reduce(0) { $0 + abs($1) }
    var errors = zip(found, sums).map { abs($0 - $1) / magnitude } + [abs(squares / self.squares - 1)]
    if let ends { errors += zip([values.first!, values.last!], ends).map { abs($0 - $1) / rms } }
    return errors.max()!
  }
}
