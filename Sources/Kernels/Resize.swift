// Max-pooling by 2 and trilinear upsampling by 2 on [B, D, H, W, C], one output row to a block.

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

/// Doubles [B, D, H, W, C] by trilinear interpolation, align_corners false, ends clamped. Networks convolve without it
/// (`UpsampledConvolution`).
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

/// The two input positions and weights that output position `o` of an upsampled axis interpolates.
private func sources(_ o: Int, _ size: Int) -> [(Int, Float)] {
  let i = o / 2, neighbour = o % 2 == 0 ? max(0, i - 1) : min(size - 1, i + 1)
  return [(i, 0.75), (neighbour, 0.25)]
}

private func inputRows(_ b: Int, _ d: Int, _ h: Int, _ depth: Int, _ height: Int, _ width: Int, _ channels: Int) -> [Int] {
  [(0, 0), (0, 1), (1, 0), (1, 1)].map { dd, hh in
    ((b * 2 * depth + 2 * d + dd) * 2 * height + 2 * h + hh) * 2 * width * channels
  }
}

private func forEachRow(batch: Int, depth: Int, height: Int, _ body: (Int, Int, Int) -> Void) {
  forEachBlock(batch * depth * height) { row in body(row / (depth * height), row / height % depth, row % height) }
}
