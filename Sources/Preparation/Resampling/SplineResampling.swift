// Cubic B-spline interpolation along one axis of a volume (Unser, Splines: a perfect fit, 1999; the same numbers as scipy.ndimage):
// pad with the edge, filter to spline coefficients, weigh four of them for each output. Axes: D depth, H height, W width;
// row-major, W fastest.

import Volumes

/// The change of one axis from `count` to `outputCount` voxels.
struct SplineResampling {
  let count: Int
  let outputCount: Int
  /// The terms of each output: the first of four coefficients (in the padded line), and their weights [output, 4].
  private var first: [Int] = []
  private var weights: [Double] = []

  private static let padding = 12
  private static let lanes = 32
  private static let pole = 3.0.squareRoot() - 2

  init(count: Int, outputCount: Int) {
    (self.count, self.outputCount) = (count, outputCount)
    for output in 0..<outputCount {
      let coordinate = sourceCoordinate(output, count: count, outputCount: outputCount)
      let base = coordinate.rounded(.down)
      let t = coordinate - base
      first.append(Int(base) - 1 + Self.padding)
      weights.append((1 - t) * (1 - t) * (1 - t) / 6)
      weights.append((4 - 6 * t * t + 3 * t * t * t) / 6)
      weights.append((1 + 3 * t + 3 * t * t - 3 * t * t * t) / 6)
      weights.append(t * t * t / 6)
    }
  }

  /// The volume [D, H, W] with this axis resampled.
  func apply(_ voxels: [Float], _ extent: Extent, axis: Int) -> [Float] {
    let lines = LineGroup(extent, axis: axis, outputCount: outputCount)
    let total = extent.count / count * outputCount
    return voxels.withUnsafeBufferPointer { source in
      [Float](unsafeUninitializedCapacity: total) { target, initialised in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: (count + 2 * Self.padding) * Self.lanes) { line in
          line.initialize(repeating: 0)
          for group in 0..<lines.groups {
            for firstLine in stride(from: 0, to: lines.lines, by: Self.lanes) {
              let used = min(Self.lanes, lines.lines - firstLine)
              read(source, at: lines.source(group, firstLine), lines, used, to: line.baseAddress!)
              filter(line.baseAddress!)
              interpolate(line.baseAddress!, to: target, at: lines.target(group, firstLine), lines, used)
            }
          }
        }
        initialised = total
      }
    }
  }

  /// Copies lines into `line` [count + 2·padding, lanes], repeating the edges.
  private func read(
    _ source: UnsafeBufferPointer<Float>, at start: Int, _ lines: LineGroup, _ used: Int, to line: UnsafeMutablePointer<Double>
  ) {
    for padded in 0..<count + 2 * Self.padding {
      let position = start + max(0, min(count - 1, padded - Self.padding)) * lines.step
      let row = line + padded * Self.lanes
      for lane in 0..<used { row[lane] = Double(source[position + lane * lines.sourceSpread]) }
    }
  }

  /// Turns samples into B-spline coefficients: one recursion forwards, one backwards, with mirrored ends.
  private func filter(_ line: UnsafeMutablePointer<Double>) {
    let (lanes, pole) = (Self.lanes, Self.pole)
    let length = count + 2 * Self.padding
    for index in 0..<length * lanes { line[index] *= 6 }
    var power = pole
    for index in 1..<min(length, 32) {  // pole^32 is below Double's precision
      for lane in 0..<lanes { line[lane] += power * line[index * lanes + lane] }
      power *= pole
    }
    for index in 1..<length {
      let row = line + index * lanes
      for lane in 0..<lanes { row[lane] += pole * row[lane - lanes] }
    }
    let last = line + (length - 1) * lanes
    for lane in 0..<lanes { last[lane] = pole / (pole * pole - 1) * (last[lane] + pole * last[lane - lanes]) }
    for index in (0..<length - 1).reversed() {
      let row = line + index * lanes
      for lane in 0..<lanes { row[lane] = pole * (row[lane + lanes] - row[lane]) }
    }
  }

  private func interpolate(
    _ line: UnsafeMutablePointer<Double>, to target: UnsafeMutableBufferPointer<Float>, at start: Int, _ lines: LineGroup,
    _ used: Int
  ) {
    let lanes = Self.lanes
    for output in 0..<outputCount {
      let row = line + first[output] * lanes
      let (a, b, c, d) = (weights[4 * output], weights[4 * output + 1], weights[4 * output + 2], weights[4 * output + 3])
      let position = start + output * lines.step
      for lane in 0..<used {
        let value = a * row[lane] + b * row[lane + lanes] + c * row[lane + 2 * lanes] + d * row[lane + 3 * lanes]
        target[position + lane * lines.targetSpread] = Float(value)
      }
    }
  }
}

/// The places of the lines along one axis in the source and in the result.
private struct LineGroup {
  let groups, lines, step: Int
  /// The distance between neighbouring lines.
  let sourceSpread, targetSpread: Int
  private let sourceGroup, targetGroup: Int

  init(_ extent: Extent, axis: Int, outputCount: Int) {
    switch axis {
    case 0: (groups, lines, step) = (1, extent.height * extent.width, extent.height * extent.width)
    case 1: (groups, lines, step) = (extent.depth, extent.width, extent.width)
    default: (groups, lines, step) = (1, extent.depth * extent.height, 1)
    }
    (sourceSpread, targetSpread) = axis == 2 ? (extent.width, outputCount) : (1, 1)
    (sourceGroup, targetGroup) = (extent.height * extent.width, outputCount * extent.width)
  }

  func source(_ group: Int, _ line: Int) -> Int { group * sourceGroup + line * sourceSpread }
  func target(_ group: Int, _ line: Int) -> Int { group * targetGroup + line * targetSpread }
}
