// Exact Euclidean distance transform with a spacing for each axis, by lower envelopes of parabolas, one axis after the other.
// Felzenszwalb & Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8 (2012), 415-428. Arrays [D, H, W].

/// The squared distance of every voxel to the nearest voxel in `sources`, in square millimetres; infinite when there is no source.
///
/// - Parameters:
///   - sources: indices of the source voxels in an array of shape [D, H, W] = `extent`.
///   - spacing: millimetres, order D, H, W.
public func squaredDistances(to sources: [Int], extent: Extent, spacing: Spacing) -> [Double] {
  var distances = [Double](repeating: .infinity, count: extent.count)
  for source in sources { distances[source] = 0 }
  let (depth, height, width) = (extent.depth, extent.height, extent.width)
  distances.withUnsafeMutableBufferPointer { values in
    var envelope = LowerEnvelope(capacity: max(depth, height, width))
    for row in 0..<depth * height {
      envelope.transform(values.baseAddress! + row * width, count: width, stride: 1, spacing: spacing.width)
    }
    for d in 0..<depth {
      for w in 0..<width {
        envelope.transform(values.baseAddress! + d * height * width + w, count: height, stride: width, spacing: spacing.height)
      }
    }
    for column in 0..<height * width {
      envelope.transform(values.baseAddress! + column, count: depth, stride: height * width, spacing: spacing.depth)
    }
  }
  return distances
}

/// The transform of one line: at each point the minimum over all parabolas `value[v] + (x - v)²`.
private struct LowerEnvelope {
  /// Position and height of the parabolas in the envelope, and where each begins to be the lowest (millimetres).
  private var vertex: [Int]
  private var height: [Double]
  private var begin: [Double]

  init(capacity: Int) {
    vertex = [Int](repeating: 0, count: capacity)
    height = [Double](repeating: 0, count: capacity)
    begin = [Double](repeating: 0, count: capacity)
  }

  /// Replaces `count` values, `stride` apart, by their transform; `spacing` is the distance of neighbours in millimetres.
  mutating func transform(_ line: UnsafeMutablePointer<Double>, count: Int, stride: Int, spacing: Double) {
    vertex.withUnsafeMutableBufferPointer { vertex in
      height.withUnsafeMutableBufferPointer { height in
        begin.withUnsafeMutableBufferPointer { begin in
          var last = -1
          for position in 0..<count {
            let value = line[position * stride]
            if value == .infinity { continue }
            var start = -Double.infinity
            while last >= 0 {
              // Where this parabola meets the last one of the envelope; one that would begin earlier than the last hides it.
              let gap = Double(position - vertex[last]) * spacing
              let middle = Double(position + vertex[last]) * spacing / 2
              start = middle + (value - height[last]) / (2 * gap)
              if start > begin[last] { break }
              last -= 1
              start = -.infinity
            }
            last += 1
            (vertex[last], height[last], begin[last]) = (position, value, start)
          }
          if last < 0 { return }
          var current = 0
          for position in 0..<count {
            let x = Double(position) * spacing
            while current < last && begin[current + 1] < x { current += 1 }
            let offset = Double(position - vertex[current]) * spacing
            line[position * stride] = offset * offset + height[current]
          }
        }
      }
    }
  }
}
