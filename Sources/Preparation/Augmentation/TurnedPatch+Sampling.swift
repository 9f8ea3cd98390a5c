// Reading a turned patch: images by trilinear interpolation with zeros outside, labels by the greatest sum of weights, the outside being a
// label of its own (MIC-DKFZ/batchgeneratorsv2 0.3.6, transforms/spatial/spatial.py).
// Axes: D depth, H height, W width, C channels; volumes channels last, results a channel after the other.

import Kernels
import Volumes

/// The eight voxels around a position, and its distances from the first of them.
private struct Cell {
  let d, h, w: Int
  let share: SIMD3<Float>

  /// - Returns: nil where none of the voxels is in the box.
  @inline(__always) init?(_ position: SIMD3<Double>, in box: Box) {
    guard
      position.x > box.low.x, position.y > box.low.y, position.z > box.low.z, position.x < box.high.x,
      position.y < box.high.y, position.z < box.high.z
    else { return nil }
    // The box begins at 0 or later, so a position is above -1.
    (d, h, w) = (Int(position.x + 1) - 1, Int(position.y + 1) - 1, Int(position.z + 1) - 1)
    share = SIMD3<Float>(position - SIMD3(Double(d), Double(h), Double(w)))
  }

  /// The weight of corner 0...7: bit 2 for depth, 1 for height, 0 for width.
  @inline(__always) func weight(_ corner: Int) -> Float {
    (corner & 4 == 0 ? 1 - share.x : share.x) * (corner & 2 == 0 ? 1 - share.y : share.y)
      * (corner & 1 == 0 ? 1 - share.z : share.z)
  }
}

/// The voxels that may be read.
private struct Box {
  let d, h, w: Range<Int>
  let height, width: Int
  /// Between these positions a voxel of the box has a weight.
  let low, high: SIMD3<Double>

  init(_ patch: TurnedPatch) {
    (d, h, w) = (patch.box[0], patch.box[1], patch.box[2])
    (height, width) = (patch.volume.height, patch.volume.width)
    low = SIMD3(Double(d.lowerBound - 1), Double(h.lowerBound - 1), Double(w.lowerBound - 1))
    high = SIMD3(Double(d.upperBound), Double(h.upperBound), Double(w.upperBound))
  }

  /// Whether all eight voxels lie in the box.
  @inline(__always) func holds(_ cell: Cell) -> Bool {
    cell.d >= d.lowerBound && cell.h >= h.lowerBound && cell.w >= w.lowerBound && cell.d + 1 < d.upperBound
      && cell.h + 1 < h.upperBound && cell.w + 1 < w.upperBound
  }

  /// The index in the volume of a corner of a cell; nil outside of the box.
  @inline(__always) func index(_ cell: Cell, _ corner: Int) -> Int? {
    let (z, y, x) = (cell.d + corner >> 2, cell.h + corner >> 1 & 1, cell.w + corner & 1)
    return d.contains(z) && h.contains(y) && w.contains(x) ? (z * height + y) * width + x : nil
  }
}

extension TurnedPatch {
  /// Reads an image [D, H, W, C] of the volume into `y`, [C, d, h, w] of the patch.
  package func read(_ x: UnsafePointer<Float>, channels: Int, into y: UnsafeMutablePointer<Float>) {
    let box = Box(self), count = patch.count, right = channels, down = box.width * channels, deep = box.height * down
    forEachBlock(patch.depth * patch.height) { line in
      let (start, step) = row(line / patch.height, line % patch.height), target = y + line * patch.width
      for place in 0..<patch.width {
        guard let cell = Cell(start + Double(place) * step, in: box) else {
          for channel in 0..<channels { target[channel * count + place] = 0 }
          continue
        }
        guard box.holds(cell) else {
          for channel in 0..<channels { target[channel * count + place] = edge(x + channel, channels, cell, box) }
          continue
        }
        let corner = x + ((cell.d * box.height + cell.h) * box.width + cell.w) * channels, share = cell.share
        for channel in 0..<channels {
          let from = corner + channel
          let near = mix(mix(from[0], from[right], share.z), mix(from[down], from[down + right], share.z), share.y)
          let far = mix(
            mix(from[deep], from[deep + right], share.z), mix(from[deep + down], from[deep + down + right], share.z), share.y)
          target[channel * count + place] = mix(near, far, share.x)
        }
      }
    }
  }

  private func edge(_ x: UnsafePointer<Float>, _ channels: Int, _ cell: Cell, _ box: Box) -> Float {
    var sum: Float = 0
    for corner in 0..<8 { if let index = box.index(cell, corner) { sum += cell.weight(corner) * x[index * channels] } }
    return sum
  }

  /// The labels [d, h, w] of the patch from those of the volume, [D, H, W]; 0 outside.
  /// - Parameter outside: the label that the outside votes with; nil: one of its own, below all others.
  package func read(_ labels: [UInt8], outside: UInt8? = nil) -> [UInt8] {
    let outside = outside.map { Int($0) } ?? -1
    let box = Box(self), down = box.width, deep = box.height * down
    return [UInt8](unsafeUninitializedCapacity: patch.count) { target, initialised in
      labels.withUnsafeBufferPointer { labels in
        forEachBlock(patch.depth * patch.height) { line in
          let (start, step) = row(line / patch.height, line % patch.height)
          for place in 0..<patch.width {
            let at = line * patch.width + place
            guard let cell = Cell(start + Double(place) * step, in: box) else {
              target[at] = UInt8(max(0, outside))
              continue
            }
            if box.holds(cell) {
              let from = labels.baseAddress! + (cell.d * box.height + cell.h) * box.width + cell.w, label = from[0]
              if label == from[1], label == from[down], label == from[down + 1], label == from[deep], label == from[deep + 1],
                label == from[deep + down], label == from[deep + down + 1]
              {
                target[at] = label
                continue
              }
            }
            target[at] = vote(labels, cell, box, outside: outside)
          }
        }
      }
      initialised = patch.count
    }
  }

  /// The label with the greatest sum of weights; of equal ones that of the nearest voxel, else the lowest.
  private func vote(_ labels: UnsafeBufferPointer<UInt8>, _ cell: Cell, _ box: Box, outside: Int) -> UInt8 {
    /// Sums that differ by less are equal.
    let tolerance: Float = 1e-5
    func label(_ corner: Int) -> Int { box.index(cell, corner).map { Int(labels[$0]) } ?? outside }
    var best = outside, greatest: Float = -1
    let nearest = label(nearestCorner(cell))
    for candidate in 0..<8 {
      let here = label(candidate)
      var sum: Float = 0
      for corner in 0..<8 where label(corner) == here { sum += cell.weight(corner) }
      let isTied = abs(sum - greatest) < tolerance
      if isTied ? best != nearest && (here == nearest || here < best) : sum > greatest { best = here }
      greatest = max(greatest, sum)
    }
    return UInt8(max(0, best))
  }

  /// The nearest corner of a cell; of two equally near ones that at an even distance from the start.
  private func nearestCorner(_ cell: Cell) -> Int {
    (0..<3).reduce(0) { corner, axis in
      let first = [cell.d, cell.h, cell.w][axis] - start[axis], share = cell.share[axis]
      let isFar = abs(share - 0.5) < 1e-5 ? first & 1 == 1 : share > 0.5
      return 2 * corner + (isFar ? 1 : 0)
    }
  }
}

@inline(__always) private func mix(_ a: Float, _ b: Float, _ share: Float) -> Float { a + share * (b - a) }
