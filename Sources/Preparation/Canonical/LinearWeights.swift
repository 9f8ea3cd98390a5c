// Interpolation and reordering along the axes of small grids: what windows and crops have in common.

import Kernels

/// Linear interpolation of `inputs` voxels at positions counted from the middle of the first; beyond the ends the end's value,
/// and 0 where there is no position.
func linearWeights(inputs: Int, at positions: [Double?]) -> AxisWeights {
  var axis = AxisWeights(inputs: inputs)
  for position in positions {
    guard let position else {
      axis.append(first: 0, [])
      continue
    }
    let inside = max(0, min(Double(inputs - 1), position)), below = min(Int(inside), max(0, inputs - 2))
    let weight = Float(inside - Double(below))
    axis.append(first: below, weight == 0 ? [1] : [1 - weight, weight])
  }
  return axis
}

/// [A0, A1, A2, C] with its axes in another order: axis k of the result is axis `order[k]` of `values`.
func permuted(_ values: [Float], sides: [Int], channels: Int, order: [Int]) -> [Float] {
  if order == [0, 1, 2] { return values }
  let strides = [sides[1] * sides[2] * channels, sides[2] * channels, channels]
  let (s0, s1, s2) = (strides[order[0]], strides[order[1]], strides[order[2]])
  let (n0, n1, n2) = (sides[order[0]], sides[order[1]], sides[order[2]])
  return values.withUnsafeBufferPointer { values in
    [Float](unsafeUninitializedCapacity: values.count) { result, initialised in
      var to = 0
      for i in 0..<n0 {
        for j in 0..<n1 {
          for k in 0..<n2 {
            let from = i * s0 + j * s1 + k * s2
            for c in 0..<channels { result[to + c] = values[from + c] }
            to += channels
          }
        }
      }
      initialised = values.count
    }
  }
}
