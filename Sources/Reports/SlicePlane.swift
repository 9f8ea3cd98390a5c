// Slices of a volume as a radiologist expects them: anterior or superior up, the patient's right on the left of the picture, and in
// sagittal slices anterior on the left. Volumes are [D, H, W] in RAS+, so both axes of every picture run against the volume's.

import Volumes

enum SlicePlane: CaseIterable {
  case axial, coronal, sagittal

  /// The volume's axis that the plane is perpendicular to, and those that run along the picture's rows and columns.
  var normal: Int { self == .axial ? 0 : self == .coronal ? 1 : 2 }
  var vertical: Int { self == .axial ? 1 : 0 }
  var horizontal: Int { self == .sagittal ? 1 : 2 }

  var name: String { self == .axial ? "axial" : self == .coronal ? "coronal" : "sagittal" }

  /// Letters at the top, left and right of the picture.
  var letters: (top: String, left: String, right: String) {
    switch self {
    case .axial: ("A", "R", "L")
    case .coronal: ("S", "R", "L")
    case .sagittal: ("S", "A", "P")
    }
  }

  /// The slice with the most foreground voxels, the first of several; the middle one when there is no foreground.
  /// - Parameter labels: [D, H, W].
  func fullestSlice(_ labels: [UInt8]?, extent: Extent) -> Int {
    var counts = [Int](repeating: 0, count: extent[normal])
    if let labels {
      labels.withUnsafeBufferPointer { values in
        var index = 0
        for d in 0..<extent.depth {
          for h in 0..<extent.height {
            for w in 0..<extent.width {
              if values[index] != 0 { counts[normal == 0 ? d : normal == 1 ? h : w] += 1 }
              index += 1
            }
          }
        }
      }
    }
    let most = counts.max() ?? 0
    return most == 0 ? extent[normal] / 2 : counts.firstIndex(of: most)!
  }

  /// The values of slice `index` as a picture: rows from the top, columns from the left.
  func slice<Value>(_ values: [Value], extent: Extent, index: Int) -> SliceImage<Value> {
    let strides = [extent.height * extent.width, extent.width, 1]
    let (rows, columns) = (extent[vertical], extent[horizontal])
    var result: [Value] = []
    result.reserveCapacity(rows * columns)
    for row in stride(from: rows - 1, through: 0, by: -1) {
      for column in stride(from: columns - 1, through: 0, by: -1) {
        result.append(values[index * strides[normal] + row * strides[vertical] + column * strides[horizontal]])
      }
    }
    return SliceImage(rows: rows, columns: columns, values: result)
  }
}

/// A picture of voxels, row-major.
struct SliceImage<Value> {
  var rows, columns: Int
  var values: [Value]

  /// The four voxels around a position (in voxels, 0 at the first centre) with their weights; the border is repeated.
  func neighbours(row: Float, column: Float) -> (values: (Value, Value, Value, Value), weights: SIMD4<Float>) {
    let (r, c) = (max(0, min(Float(rows - 1), row)), max(0, min(Float(columns - 1), column)))
    let (top, left) = (Int(r), Int(c))
    let (bottom, right) = (min(top + 1, rows - 1), min(left + 1, columns - 1))
    let (v, h) = (r - Float(top), c - Float(left))
    let corners = (
      values[top * columns + left], values[top * columns + right], values[bottom * columns + left],
      values[bottom * columns + right]
    )
    return (corners, SIMD4((1 - v) * (1 - h), (1 - v) * h, v * (1 - h), v * h))
  }
}
