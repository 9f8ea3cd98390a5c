// Reading a turned patch: images by trilinear interpolation with zeros outside, labels by the greatest sum of weights, the outside being a
// label of its own (MIC-DKFZ/batchgeneratorsv2 0.3.6, transforms/spatial/spatial.py).
// Axes: D depth, H height, W width, C channels; volumes channels last, results a channel after the other.

import Kernels
import Volumes

extension TurnedPatch {
  /// Reads an image [D, H, W, C] of the volume into `y`, [C, d, h, w] of the patch.
  package func read(_ x: UnsafePointer<Float>, channels: Int, into y: UnsafeMutablePointer<Float>) {
    let box = Box(self), count = patch.count, down = box.width * channels, deep = box.height * down
    forEachRow { line, cells in
      let target = y + line * patch.width
      for place in 0..<patch.width {
        let cell = cells[place]
        guard box.holds(cell) else {
          for channel in 0..<channels { target[channel * count + place] = edge(x + channel, channels, cell, box) }
          continue
        }
        let corner = x + box.index(cell.d, cell.h, cell.w) * channels
        for channel in 0..<channels {
          let near = corner + channel, far = near + deep, (u, v) = (cell.shareOfW, cell.shareOfH)
          let front = mix(mix(near[0], near[channels], u), mix(near[down], near[down + channels], u), v)
          let back = mix(mix(far[0], far[channels], u), mix(far[down], far[down + channels], u), v)
          target[channel * count + place] = mix(front, back, cell.shareOfD)
        }
      }
    }
  }

  private func edge(_ x: UnsafePointer<Float>, _ channels: Int, _ cell: Cell, _ box: Box) -> Float {
    let weights = cell.weights
    var sum: Float = 0
    for corner in 0..<8 { if let index = box.index(cell, corner) { sum += weights[corner] * x[index * channels] } }
    return sum
  }

  /// The labels [d, h, w] of the patch from those of the volume, [D, H, W]; 0 outside.
  /// - Parameter outside: the label that the outside votes with; nil: one of its own, below all others.
  package func read(_ labels: [UInt8], outside: UInt8? = nil) -> [UInt8] {
    let box = Box(self), down = box.width, deep = box.height * down, other = outside.map { Int32($0) } ?? -1
    return [UInt8](unsafeUninitializedCapacity: patch.count) { target, initialised in
      let target = target.baseAddress!
      labels.withUnsafeBufferPointer { labels in
        let labels = labels.baseAddress!
        forEachRow { line, cells in
          for place in 0..<patch.width {
            let cell = cells[place]
            guard box.holds(cell) else {
              target[line * patch.width + place] = vote(box.labels(labels, cell, outside: other), cell)
              continue
            }
            let from = labels + box.index(cell.d, cell.h, cell.w), far = from + deep
            let label = from[0]
            let isOne =
              label == from[1] && label == from[down] && label == from[down + 1] && label == far[0] && label == far[1]
              && label == far[down] && label == far[down + 1]
            target[line * patch.width + place] = isOne ? label : vote(box.labels(labels, cell, outside: other), cell)
          }
        }
      }
      initialised = patch.count
    }
  }

  /// Sums of weights that differ by less are equal.
  private static let tolerance: Float = 1e-5

  /// The label with the greatest sum of weights; of equal ones that of the nearest voxel, else the lowest. What is below 0 becomes 0.
  /// - Parameter labels: of the corners of a cell.
  private func vote(_ labels: SIMD8<Int32>, _ cell: Cell) -> UInt8 {
    let nearest = labels[nearestCorner(cell)], weights = cell.weights
    let (low, high) = (labels.min(), labels.max())
    var areTwo = true, difference: Float = 0
    for corner in 0..<8 {
      areTwo = areTwo && (labels[corner] == low || labels[corner] == high)
      difference += labels[corner] == high ? weights[corner] : -weights[corner]
    }
    // Nearly always there are two labels, or one.
    if areTwo { return UInt8(max(0, abs(difference) < Self.tolerance ? nearest : difference > 0 ? high : low)) }
    var best = Int32.max, greatest: Float = -1
    for candidate in 0..<8 where labels[candidate] != best {
      let here = labels[candidate]
      var sum: Float = 0
      for corner in 0..<8 where labels[corner] == here { sum += weights[corner] }
      let isTied = abs(sum - greatest) < Self.tolerance
      if isTied ? best != nearest && (here == nearest || here < best) : sum > greatest { best = here }
      greatest = max(greatest, sum)
    }
    return UInt8(max(0, best))
  }

  /// The nearest corner of a cell; of two equally near ones that at an even distance from the start.
  private func nearestCorner(_ cell: Cell) -> Int {
    func isFar(_ share: Float, _ distance: Int) -> Int {
      (abs(share - 0.5) < 1e-5 ? distance & 1 == 1 : share > 0.5) ? 1 : 0
    }
    return 4 * isFar(cell.shareOfD, cell.d - start[0]) + 2 * isFar(cell.shareOfH, cell.h - start[1])
      + isFar(cell.shareOfW, cell.w - start[2])
  }

  /// Calls `body` with the number of each row (d, h) and its cells, spread over the threads.
  private func forEachRow(_ body: (_ line: Int, _ cells: UnsafeMutablePointer<Cell>) -> Void) {
    forEachBlock(patch.depth * patch.height) { line in
      let (start, step) = row(line / patch.height, line % patch.height)
      withUnsafeTemporaryAllocation(of: Cell.self, capacity: patch.width) { cells in
        let cells = cells.baseAddress!
        for place in 0..<patch.width {
          let along = Double(place)
          (cells + place).initialize(
            to: Cell(start.x + along * step.x, start.y + along * step.y, start.z + along * step.z))
        }
        body(line, cells)
      }
    }
  }
}

/// The eight voxels around a position, and its distances from the first of them.
private struct Cell {
  let d, h, w: Int
  let shareOfD, shareOfH, shareOfW: Float

  @inline(__always) init(_ d: Double, _ h: Double, _ w: Double) {
    // Truncation rounds up below 0, so positions are lifted above it: no side is longer.
    let lift = 1 << 20
    (self.d, self.h, self.w) = (Int(d + Double(lift)) - lift, Int(h + Double(lift)) - lift, Int(w + Double(lift)) - lift)
    (shareOfD, shareOfH, shareOfW) = (Float(d - Double(self.d)), Float(h - Double(self.h)), Float(w - Double(self.w)))
  }

  /// The weights of corners 0...7: bit 2 for depth, 1 for height, 0 for width.
  var weights: SIMD8<Float> {
    let (d, h, w) = (shareOfD, shareOfH, shareOfW), near = (1 - d, 1 - h, 1 - w)
    return SIMD8(
      near.0 * near.1 * near.2, near.0 * near.1 * w, near.0 * h * near.2, near.0 * h * w, d * near.1 * near.2, d * near.1 * w,
      d * h * near.2, d * h * w)
  }
}

/// The voxels that may be read.
private struct Box {
  let d, h, w: Range<Int>
  let height, width: Int

  init(_ patch: TurnedPatch) {
    (d, h, w) = (patch.box[0], patch.box[1], patch.box[2])
    (height, width) = (patch.volume.height, patch.volume.width)
  }

  @inline(__always) func index(_ d: Int, _ h: Int, _ w: Int) -> Int { (d * height + h) * width + w }

  /// Whether all eight voxels lie in the box.
  @inline(__always) func holds(_ cell: Cell) -> Bool {
    cell.d >= d.lowerBound && cell.h >= h.lowerBound && cell.w >= w.lowerBound && cell.d + 1 < d.upperBound
      && cell.h + 1 < h.upperBound && cell.w + 1 < w.upperBound
  }

  /// The index in the volume of a corner of a cell; nil outside of the box.
  @inline(__always) func index(_ cell: Cell, _ corner: Int) -> Int? {
    let (z, y, x) = (cell.d + corner >> 2, cell.h + corner >> 1 & 1, cell.w + corner & 1)
    return d.contains(z) && h.contains(y) && w.contains(x) ? index(z, y, x) : nil
  }

  /// The labels of the corners of a cell.
  func labels(_ labels: UnsafePointer<UInt8>, _ cell: Cell, outside: Int32) -> SIMD8<Int32> {
    var names = SIMD8<Int32>(repeating: outside)
    for corner in 0..<8 { if let index = index(cell, corner) { names[corner] = Int32(labels[index]) } }
    return names
  }
}

@inline(__always) private func mix(_ a: Float, _ b: Float, _ share: Float) -> Float { a + share * (b - a) }
