// Max-pooling by 2 and trilinear doubling on [B, D, H, W, C], one output row to a block.

import CKernels

/// y and the chosen corner (0...7) of each 2x2x2 block. `output` is D', H', W' = half of the input.
public func maxPool(
  _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, choice: UnsafeMutablePointer<UInt8>, batch: Int, output: [Int],
  channels: Int
) {
  let (depth, height, width) = (output[0], output[1], output[2])
  forEachRow(batch: batch, depth: depth, height: height) { b, d, h in
    let row = (b * depth + d) * height + h
    var rows = inputRows(b, d, h, depth, height, width, channels).map { Optional(x + $0) }
    cohort_max_pool_row(y + row * width * channels, choice + row * width * channels, &rows, width, channels)
  }
}

/// dx of `maxPool`: overwrites dx.
public func maxPoolGradient(
  dy: UnsafePointer<Float>, choice: UnsafePointer<UInt8>, into dx: UnsafeMutablePointer<Float>, batch: Int, output: [Int],
  channels: Int
) {
  let (depth, height, width) = (output[0], output[1], output[2])
  forEachRow(batch: batch, depth: depth, height: height) { b, d, h in
    let row = (b * depth + d) * height + h
    var rows = inputRows(b, d, h, depth, height, width, channels).map { Optional(dx + $0) }
    cohort_max_pool_row_gradient(&rows, dy + row * width * channels, choice + row * width * channels, width, channels)
  }
}

/// Trilinear doubling of [B, D, H, W, C], align_corners false, ends clamped. Networks convolve without making it (`UpsampledConvolution`):
/// this is the reference.
public func doubleSize(
  _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, batch: Int, input: [Int], channels: Int
) {
  let (depth, height, width) = (input[0], input[1], input[2]), line = width * channels
  forEachRow(batch: batch, depth: 2 * depth, height: 2 * height) { b, d, h in
    let (ds, hs) = (sources(d, depth), sources(h, height))
    var rows: [UnsafePointer<Float>?] = [], weights: [Float] = []
    for (di, dw) in ds {
      for (hi, hw) in hs {
        rows.append(x + ((b * depth + di) * height + hi) * line)
        weights.append(dw * hw)
      }
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: line) { buffer in
      cohort_weighted_rows(buffer.baseAddress!, &rows, weights, 4, line)
      cohort_double_width(y + ((b * 2 * depth + d) * 2 * height + h) * 2 * line, buffer.baseAddress!, width, channels)
    }
  }
}

/// dx of `doubleSize`: overwrites dx.
public func doubleSizeGradient(
  dy: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, batch: Int, input: [Int], channels: Int
) {
  let (depth, height, width) = (input[0], input[1], input[2]), line = width * channels
  forEachRow(batch: batch, depth: depth, height: height) { b, d, h in
    var rows: [UnsafePointer<Float>?] = [], weights: [Float] = []
    for (di, dw) in receivers(d, depth) {
      for (hi, hw) in receivers(h, height) {
        rows.append(dy + ((b * 2 * depth + di) * 2 * height + hi) * 2 * line)
        weights.append(dw * hw)
      }
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * line) { buffer in
      cohort_weighted_rows(buffer.baseAddress!, &rows, weights, rows.count, 2 * line)
      cohort_double_width_gradient(dx + ((b * depth + d) * height + h) * line, buffer.baseAddress!, width, channels)
    }
  }
}

/// Each voxel of [B, D, H, W, C] repeated `factors` (D, H, W) times; a reference like `doubleSize`.
public func repeatVoxels(
  _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, batch: Int, input: [Int], factors: [Int], channels: Int
) {
  let (depth, height, width) = (input[0], input[1], input[2]), wide = factors[2] * width
  forEachRow(batch: batch, depth: factors[0] * depth, height: factors[1] * height) { b, d, h in
    let from = x + ((b * depth + d / factors[0]) * height + h / factors[1]) * width * channels
    let to = y + ((b * factors[0] * depth + d) * factors[1] * height + h) * wide * channels
    for w in 0..<wide { (to + w * channels).update(from: from + w / factors[2] * channels, count: channels) }
  }
}

/// dx of `repeatVoxels`, the sum over each voxel's copies: overwrites dx.
public func repeatVoxelsGradient(
  dy: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>, batch: Int, input: [Int], factors: [Int], channels: Int
) {
  let (depth, height, width) = (input[0], input[1], input[2]), wide = factors[2] * width
  forEachRow(batch: batch, depth: depth, height: height) { b, d, h in
    let to = dx + ((b * depth + d) * height + h) * width * channels
    to.update(repeating: 0, count: width * channels)
    for copyD in 0..<factors[0] {
      for copyH in 0..<factors[1] {
        let row = (b * factors[0] * depth + factors[0] * d + copyD) * factors[1] * height + factors[1] * h + copyH
        for w in 0..<wide { cohort_add(to + w / factors[2] * channels, dy + (row * wide + w) * channels, channels) }
      }
    }
  }
}

/// The two input positions and weights that output position `o` of a doubled axis interpolates.
private func sources(_ o: Int, _ size: Int) -> [(Int, Float)] {
  let i = o / 2, neighbour = o % 2 == 0 ? max(0, i - 1) : min(size - 1, i + 1)
  return [(i, 0.75), (neighbour, 0.25)]
}

/// The output positions that input position `i` contributes to, with their weights: `sources` read backwards.
private func receivers(_ i: Int, _ size: Int) -> [(Int, Float)] {
  let before = i > 0 ? 2 * i - 1 : 0, after = i + 1 < size ? 2 * i + 2 : 2 * size - 1
  return [(2 * i, 0.75), (2 * i + 1, 0.75), (before, 0.25), (after, 0.25)]
}

private func inputRows(_ b: Int, _ d: Int, _ h: Int, _ depth: Int, _ height: Int, _ width: Int, _ channels: Int) -> [Int] {
  [(0, 0), (0, 1), (1, 0), (1, 1)].map { dd, hh in
    ((b * 2 * depth + 2 * d + dd) * 2 * height + 2 * h + hh) * 2 * width * channels
  }
}

private func forEachRow(batch: Int, depth: Int, height: Int, _ body: (Int, Int, Int) -> Void) {
  forEachBlock(batch * depth * height) { row in body(row / (depth * height), row / height % depth, row % height) }
}
