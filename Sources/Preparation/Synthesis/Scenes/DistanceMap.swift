// How deep inside a mask, or how far outside, each voxel lies, up to a limit: what masks are grown and shrunk by and where clicks are put.
// Arrays [D, H, W].

import Volumes

/// Signed Euclidean distance in voxels from the surface of a mask, positive inside: exact within ±`limit`, and cut off there.
///
/// Beyond the array lies background. The distance of a voxel is that of its centre from the nearest centre on the other side, less a half.
package func signedDistance(_ mask: [UInt8], extent: Extent, limit: Int = 7) -> [Float] {
  let inside = distance(to: 0, in: mask, extent, limit), outside = distance(to: 1, in: mask, extent, limit)
  let largest = Float(limit)
  return zip(inside, outside).map { deep, far in
    deep > 0 ? min(deep.squareRoot() - 0.5, largest) : -min(far.squareRoot() - 0.5, largest)
  }
}

/// Squared distances to the nearest voxel of a value, by three passes that each minimise over the voxels of a line (the square of a
/// distance is a sum over the axes).
private func distance(to value: UInt8, in mask: [UInt8], _ extent: Extent, _ limit: Int) -> [Float] {
  let far = Float((limit + 1) * (limit + 1))
  var squares = mask.map { ($0 == 0) == (value == 0) ? 0 : far }
  for axis in 0..<3 {
    let inner = (axis + 1..<3).reduce(1) { $0 * extent[$1] }, line = inner * extent[axis], source = squares
    squares.withUnsafeMutableBufferPointer { target in
      source.withUnsafeBufferPointer { source in
        for start in stride(from: 0, to: extent.count, by: line) {
          for step in 1...limit {
            let square = Float(step * step), offset = min(step * inner, line)
            for i in start..<start + line - offset {
              target[i] = min(target[i], source[i + offset] + square)
              target[i + offset] = min(target[i + offset], source[i] + square)
            }
            if value == 0 {
              for i in 0..<offset {
                target[start + i] = min(target[start + i], square)
                target[start + line - 1 - i] = min(target[start + line - 1 - i], square)
              }
            }
          }
        }
      }
    }
  }
  return squares
}
