// How well two images agree under an affine map, by the squared correlation of the intensities, and steps that raise it: Gauss-Newton's for
// the squared difference of the fixed image from the line that fits the moving one to it, damped until they climb (Levenberg-Marquardt).

import Kernels
import Volumes

/// How well two levels agree under a map, and how to agree better.
struct AffineFit {
  /// The least share of the smaller volume that must lie within the other.
  private static let leastOverlap = 0.3

  let fixed: Level
  let moving: Level
  /// For each channel: value and gradient per voxel of the moving image.
  private let slopes: [Grid]

  init(_ fixed: Level, _ moving: Level) {
    (self.fixed, self.moving) = (fixed, moving)
    slopes = (0..<min(fixed.channels, moving.channels)).map { moving.image.withSlopes(lane: $0) }
  }

  func value(_ map: AffineMap) -> Double { evaluate(map, derivatives: false).value }

  /// Steps uphill.
  func climb(_ start: AffineMap, basis: [[Double]], steps: Int) -> AffineMap {
    var map = start, here = evaluate(map, derivatives: true), damping = 1e-3
    for _ in 0..<steps {
      guard let change = here.step(basis, damping: damping) else { return map }
      let next = map.moved(change, scale: scale), there = evaluate(next, derivatives: true)
      if there.value > here.value {
        let gain = there.value - here.value
        (map, here, damping) = (next, there, damping / 5)
        if gain < 1e-5 { break }
      } else {
        damping *= 8
        if damping > 1e4 { break }
      }
    }
    return map
  }

  /// mm by which places are divided in the derivatives.
  private var scale: Double { fixed.frame.size.max() / 2 }

  /// Sums over the voxels whose places are inside of the moving image.
  private func evaluate(_ map: AffineMap, derivatives: Bool) -> Evaluation {
    let frame = fixed.frame, voxels = frame.extent.count, inside = UnsafeMutablePointer<UInt8>.allocate(capacity: voxels)
    defer { inside.deallocate() }
    var result = Evaluation()
    for (channel, slope) in slopes.enumerated() {
      let read = slope.sampled(nil, map: map.voxels(from: frame, to: moving.frame), extent: frame.extent, inside: inside)
      let sums = moments(read, channel, inside), count = sums[0]
      let overlap = count / Double(min(voxels, moving.frame.extent.count))
      guard overlap >= Self.leastOverlap else { return Evaluation() }
      let meanF = sums[1] / count, meanM = sums[2] / count
      let varF = sums[3] / count - meanF * meanF, varM = sums[4] / count - meanM * meanM,
        covariance = sums[5] / count - meanF * meanM
      guard varF > 1e-9, varM > 1e-9 else { continue }
      result.value += covariance * covariance / (varF * varM) * min(1, raise(overlap, to: 0.25)) / Double(slopes.count)
      if derivatives {
        let line = Line(factor: covariance / varM, meanF: meanF, meanM: meanM)
        result.add(normalEquations(read, channel, inside, line, count: count), weight: 1 / varF)
      }
    }
    return result
  }

  private func moments(_ read: Grid, _ channel: Int, _ inside: UnsafePointer<UInt8>) -> [Double] {
    let f = fixed.image.values + channel, m = read.values
    return sumOverBlocks(fixed.frame.extent.count, sums: 6, block: 1 << 12) { start, length, sums in
      var count: Float = 0, sumF: Float = 0, sumM: Float = 0, squareF: Float = 0, squareM: Float = 0, product: Float = 0
      for voxel in start..<start + length where inside[voxel] != 0 {
        let (x, y) = (f[voxel * 4], m[voxel * 4])
        count += 1
        sumF += x
        sumM += y
        squareF += x * x
        squareM += y * y
        product += x * y
      }
      for (slot, value) in [count, sumF, sumM, squareF, squareM, product].enumerated() { sums[slot] += Double(value) }
    }
  }

  struct Line {
    var factor, meanF, meanM: Double
  }

  /// Sums of the products of the derivatives r by the twelve numbers (78, lower triangle), of r, and of r times the residual.
  private func normalEquations(
    _ read: Grid, _ channel: Int, _ inside: UnsafePointer<UInt8>, _ line: Line, count: Double
  ) -> [Double] {
    let frame = fixed.frame, (height, width) = (frame.extent.height, frame.extent.width), middle = SIMD3<Float>(frame.middle)
    let f = fixed.image.values + channel, m = read.values, perStep = Float(frame.spacing[0] / scale)
    let slope = Float(line.factor / moving.millimetres),
      (factor, meanF, meanM) = (Float(line.factor), Float(line.meanF), Float(line.meanM))
    var total = sumOverBlocks(frame.extent.count, sums: 102, block: 1 << 10) { start, length, sums in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 102) { part in
        part.initialize(repeating: 0)
        var row: (SIMD4<Float>, SIMD4<Float>, SIMD4<Float>) = (.zero, .zero, .zero)
        for voxel in start..<start + length where inside[voxel] != 0 {
          let (d, rest) = voxel.quotientAndRemainder(dividingBy: height * width),
            (h, w) = rest.quotientAndRemainder(dividingBy: width)
          let place = (SIMD3(Float(d), Float(h), Float(w)) - middle) * perStep, at = m + voxel * 4
          let gradient = SIMD3(at[1], at[2], at[3]) * slope
          let residual = f[voxel * 4] - meanF - factor * (at[0] - meanM)
          let (a, b, c) = (gradient * place[0], gradient * place[1], gradient * place[2])
          row = (SIMD4(a[0], a[1], a[2], b[0]), SIMD4(b[1], b[2], c[0], c[1]), SIMD4(c[2], gradient[0], gradient[1], gradient[2]))
          withUnsafeBytes(of: &row) { raw in
            let r = raw.baseAddress!.assumingMemoryBound(to: Float.self)
            var slot = 0
            for i in 0..<12 {
              for j in 0...i {
                part[slot] += r[i] * r[j]
                slot += 1
              }
            }
            for i in 0..<12 {
              part[78 + i] += r[i]
              part[90 + i] += r[i] * residual
            }
          }
        }
        for slot in 0..<102 { sums[slot] += Double(part[slot]) }
      }
    }
    // The mean of the derivatives is taken out: it changes the offset alone.
    var slot = 0
    for i in 0..<12 {
      for j in 0...i {
        total[slot] -= total[78 + i] * total[78 + j] / count
        slot += 1
      }
    }
    return total.map { $0 / count }
  }
}

extension AffineMap {
  /// Changed by nine numbers for the columns, each divided by `scale` mm, and three for the shift.
  func moved(_ change: [Double], scale: Double) -> AffineMap {
    var result = self
    for column in 0..<3 { for row in 0..<3 { result.columns[column][row] += change[3 * column + row] / scale } }
    result.shift += SIMD3(change[9], change[10], change[11])
    return result
  }
}
