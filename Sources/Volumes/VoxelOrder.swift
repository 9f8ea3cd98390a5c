// Moving voxels between a file's axis order and canonical order [D, H, W]: strides and one loop in each direction.

/// The order of canonical voxels in a file: voxel (d, h, w) is element `first + d·strides[0] + h·strides[1] + w·strides[2]`.
struct VoxelOrder {
  let extent: Extent
  let first: Int
  let strides: (depth: Int, height: Int, width: Int)

  init(_ grid: FileGrid) {
    let fileStrides = [1, grid.dimensions[0], grid.dimensions[0] * grid.dimensions[1]]
    var first = 0
    var steps = [0, 0, 0]
    for axis in 0..<3 {
      let (fileAxis, flipped) = (grid.fileAxis[axis], grid.flipped[axis])
      steps[axis] = flipped ? -fileStrides[fileAxis] : fileStrides[fileAxis]
      if flipped { first += fileStrides[fileAxis] * (grid.dimensions[fileAxis] - 1) }
    }
    extent = grid.extent
    self.first = first
    strides = (steps[0], steps[1], steps[2])
  }

  /// canonical[d, h, w] = slope * file value + intercept. The arithmetic is in Double: 32-bit integers keep their value until the last rounding.
  func gather<Stored: StoredScalar>(
    _ file: UnsafePointer<Stored>, slope: Double, intercept: Double, into canonical: UnsafeMutablePointer<Float>
  ) {
    let isScaled = slope != 1 || intercept != 0
    var index = 0
    for d in 0..<extent.depth {
      for h in 0..<extent.height {
        var position = first + d * strides.depth + h * strides.height
        if isScaled {
          for _ in 0..<extent.width {
            canonical[index] = Float(slope * file[position].double + intercept)
            index += 1
            position += strides.width
          }
        } else {
          for _ in 0..<extent.width {
            canonical[index] = file[position].float
            index += 1
            position += strides.width
          }
        }
      }
    }
  }

  /// The values of a file in canonical order.
  func gather<Value>(_ file: [Value]) -> [Value] {
    var canonical: [Value] = []
    canonical.reserveCapacity(extent.count)
    file.withUnsafeBufferPointer { source in
      for d in 0..<extent.depth {
        for h in 0..<extent.height {
          let row = first + d * strides.depth + h * strides.height
          for w in 0..<extent.width { canonical.append(source[row + w * strides.width]) }
        }
      }
    }
    return canonical
  }

  /// The values of canonical voxels in the order of the file.
  func scatter<Value>(_ canonical: [Value], filling value: Value) -> [Value] {
    var file = [Value](repeating: value, count: extent.count)
    canonical.withUnsafeBufferPointer { source in
      file.withUnsafeMutableBufferPointer { target in
        var index = 0
        for d in 0..<extent.depth {
          for h in 0..<extent.height {
            var position = first + d * strides.depth + h * strides.height
            for _ in 0..<extent.width {
              target[position] = source[index]
              index += 1
              position += strides.width
            }
          }
        }
      }
    }
    return file
  }
}

/// A voxel as stored.
protocol StoredScalar {
  var float: Float { get }
  var double: Double { get }
}

extension StoredScalar where Self: BinaryInteger {
  var float: Float { Float(self) }
  var double: Double { Double(self) }
}

extension UInt8: StoredScalar {}
extension Int8: StoredScalar {}
extension UInt16: StoredScalar {}
extension Int16: StoredScalar {}
extension UInt32: StoredScalar {}
extension Int32: StoredScalar {}
extension UInt64: StoredScalar {}
extension Int64: StoredScalar {}
extension Float: StoredScalar {
  var float: Float { self }
  var double: Double { Double(self) }
}
extension Double: StoredScalar {
  var float: Float { Float(self) }
  var double: Double { self }
}
