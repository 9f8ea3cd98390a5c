// Winograd's algorithm along depth for 3x3x3 convolutions with stride 1 and padding 1: half the multiplications of the direct sum.
// Axes: B batch, D H W voxels, I input channels, O output channels, P the 6 points, T tiles of 4 output planes.
//
// A tile of 4 output planes depends on 6 input planes. These are combined into 6 transformed planes, one for each point at which the
// polynomials of Toom and Cook are evaluated; each is convolved in H and W alone with its own 3x3 filters; and the 6 products are
// combined into the 4 output planes. Tiles are taken in chunks whose transformed planes stay in cache.

import CKernels

package enum Winograd {
  static let points = 6
  static let outputPlanes = 4
  /// The point 1 is the sum: what its product gets reaches each of the tile's outputs once, so that the bias is added there.
  private static let summingPoint = 1

  /// As `convolutionForward`.
  package static func forward(
    _ shape: ConvolutionShape, x: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    y: UnsafeMutablePointer<Float>, accumulates: Bool
  ) {
    convolve(
      shape, .forward, x, channels: shape.inputChannels, weights, bias: bias, into: y, channels: shape.outputChannels,
      accumulates: accumulates)
  }

  /// As `convolutionBackwardData`: a convolution of dy with the flipped weights.
  package static func backwardData(
    _ shape: ConvolutionShape, dy: UnsafePointer<Float>, weights: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
  ) {
    convolve(
      shape, .backwardData, dy, channels: shape.outputChannels, weights, bias: nil, into: dx, channels: shape.inputChannels,
      accumulates: false)
  }

  private static func convolve(
    _ shape: ConvolutionShape, _ direction: DirectConvolution.Direction, _ source: UnsafePointer<Float>, channels: Int,
    _ weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?, into destination: UnsafeMutablePointer<Float>,
    channels destinationChannels: Int, accumulates: Bool
  ) {
    let from = Tiling(shape, channels: channels), to = Tiling(shape, channels: destinationChannels)
    let filters = transformed(weights, shape, flips: direction == .backwardData)
    for (count, starts) in chunks(shape) {
      let planes = Storage(count: points * count * from.planeSize), products = Storage(count: points * count * to.planeSize)
      let kinds = (0..<points).map { point in
        DirectConvolution.Kind(shape: inner(shape, tiles: count, bias: shape.bias && point == summingPoint), direction: direction)
      }
      let packed = kinds.enumerated().map { point, kind in
        DirectConvolution.packed(kind, weights: filters.pointer + point * filterSize(shape))
      }
      for sample in 0..<shape.batch {
        for start in starts {
          let tiles = start..<start + count
          from.expand(cohort_winograd_input, source, sample, reach: -1..<5, tiles, into: planes.pointer)
          for point in 0..<points {
            let plane = planes.pointer + point * count * from.planeSize, product = products.pointer + point * count * to.planeSize
            let forward = direction == .forward
            DirectConvolution.run(
              kinds[point], source: forward ? plane : product, packed: packed[point], bias: point == summingPoint ? bias : nil,
              destination: forward ? product : plane)
          }
          to.contract(products.pointer, tiles, into: destination, sample, accumulates: accumulates)
        }
      }
      withExtendedLifetime((planes, products)) {}
    }
    withExtendedLifetime(filters) {}
  }

  /// As `convolutionBackwardWeights`: overwrites dw and db.
  package static func backwardWeights(
    _ shape: ConvolutionShape, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, dw: UnsafeMutablePointer<Float>,
    db: UnsafeMutablePointer<Float>?
  ) {
    let from = Tiling(shape, channels: shape.inputChannels), to = Tiling(shape, channels: shape.outputChannels)
    let size = filterSize(shape), sums = Storage(count: points * size), partial = Storage(count: size + shape.outputChannels)
    let biasSums = db ?? partial.pointer + size
    sums.pointer.update(repeating: 0, count: points * size)
    biasSums.update(repeating: 0, count: shape.outputChannels)
    for (count, starts) in chunks(shape) {
      let planes = Storage(count: points * count * from.planeSize), gradients = Storage(count: points * count * to.planeSize)
      for sample in 0..<shape.batch {
        for start in starts {
          let tiles = start..<start + count
          from.expand(cohort_winograd_input, x, sample, reach: -1..<5, tiles, into: planes.pointer)
          to.expand(cohort_winograd_output_gradient, dy, sample, reach: 0..<4, tiles, into: gradients.pointer)
          for point in 0..<points {
            let bias = db != nil && point == summingPoint
            DirectConvolution.weightGradient(
              inner(shape, tiles: count, bias: bias), x: planes.pointer + point * count * from.planeSize,
              dy: gradients.pointer + point * count * to.planeSize, dw: partial.pointer, db: bias ? partial.pointer + size : nil)
            cohort_add(sums.pointer + point * size, partial.pointer, size)
            if bias { cohort_add(biasSums, partial.pointer + size, shape.outputChannels) }
          }
        }
      }
      withExtendedLifetime((planes, gradients)) {}
    }
    gather(sums.pointer, shape, into: dw)
    withExtendedLifetime((sums, partial)) {}
  }

  /// Floats of one point's filters [O, I, 3, 3].
  private static func filterSize(_ shape: ConvolutionShape) -> Int { shape.outputChannels * shape.inputChannels * 9 }

  /// Filters [P, O, I, 3, 3] from weights [O, stored I, 3, 3, 3].
  private static func transformed(_ weights: UnsafePointer<Float>, _ shape: ConvolutionShape, flips: Bool) -> Storage {
    let size = filterSize(shape), filters = Storage(count: points * size), row = shape.inputChannels * 9
    forEachBlock(shape.outputChannels) { o in
      cohort_winograd_weights(
        filters.pointer + o * row, size, weights + o * shape.storedChannels * 27, flips ? 1 : 0, shape.inputChannels)
    }
    return filters
  }

  /// dw [O, stored I, 3, 3, 3] from the gradients of the filters [P, O, I, 3, 3].
  private static func gather(_ gradients: UnsafePointer<Float>, _ shape: ConvolutionShape, into dw: UnsafeMutablePointer<Float>) {
    let row = shape.inputChannels * 9
    forEachBlock(shape.outputChannels) { o in
      cohort_winograd_weight_gradient(
        dw + o * shape.storedChannels * 27, gradients + o * row, filterSize(shape), shape.inputChannels)
    }
  }

  /// The convolution in H and W of the planes of one point, [T, H, W, I] to [T, H, W, O].
  private static func inner(_ shape: ConvolutionShape, tiles: Int, bias: Bool) -> ConvolutionShape {
    ConvolutionShape(
      batch: 1, input: [tiles, shape.input[1], shape.input[2]], inputChannels: shape.inputChannels,
      outputChannels: shape.outputChannels, kernel: [1, 3, 3], stride: [1, 1, 1], padding: [0, 1, 1], bias: bias)
  }

  /// The tiles along depth in chunks: how many tiles, and the first tile of each chunk of that many.
  private static func chunks(_ shape: ConvolutionShape) -> [(count: Int, starts: [Int])] {
    let tiles = (shape.input[0] + outputPlanes - 1) / outputPlanes
    let tileBytes = 4 * points * shape.input[1] * shape.input[2] * (shape.inputChannels + shape.outputChannels)
    let count = min(tiles, max(1, chunkBytes / tileBytes)), whole = tiles - tiles % count
    return [(count, Array(stride(from: 0, to: whole, by: count)))] + (whole < tiles ? [(tiles - whole, [whole])] : [])
  }

  nonisolated(unsafe) package static var chunkBytes = 8 << 20
}

/// Whether Winograd's algorithm is faster than the direct sum. A rule of the shape alone, so that results have the same bits on any
/// number of threads.
func winogradSuits(_ shape: ConvolutionShape) -> Bool {
  shape.kernel == [3, 3, 3] && shape.stride == [1, 1, 1] && shape.padding == [1, 1, 1] && shape.inputChannels % 16 == 0
    && shape.outputChannels % 16 == 0 && shape.input[0] >= 8
}

/// Samples [D, H, W, C] as tiles of planes along depth, of which rows of W C floats are combined.
private struct Tiling {
  typealias Transform =
    @convention(c) (UnsafePointer<UnsafeMutablePointer<Float>?>?, UnsafePointer<UnsafePointer<Float>?>?, Int) -> Void

  let depth: Int
  let rows: Int
  let row: Int
  /// What planes beyond either end are read as.
  private let zeros: Storage

  init(_ shape: ConvolutionShape, channels: Int) {
    depth = shape.input[0]
    rows = shape.input[1]
    row = shape.input[2] * channels
    zeros = Storage(count: row)
    zeros.pointer.update(repeating: 0, count: row)
  }

  var planeSize: Int { rows * row }

  /// Transformed planes [P, T, H, W, C] of `tiles` from the planes of a tile that are `reach` from its first output plane.
  func expand(
    _ transform: Transform, _ planes: UnsafePointer<Float>, _ sample: Int, reach: Range<Int>, _ tiles: Range<Int>,
    into transformed: UnsafeMutablePointer<Float>
  ) {
    let source = planes + sample * depth * planeSize
    forEachRow(of: tiles) { tile, y, offset in
      let from = reach.map { step -> UnsafePointer<Float>? in
        let plane = tile * Winograd.outputPlanes + step
        return (0..<depth).contains(plane) ? source + plane * planeSize + y * row : UnsafePointer(zeros.pointer)
      }
      let to = rowsOfPoints(transformed, tiles, offset)
      transform(to, from, row)
    }
  }

  /// The planes of `tiles` from their products [P, T, H, W, C].
  func contract(
    _ products: UnsafeMutablePointer<Float>, _ tiles: Range<Int>, into planes: UnsafeMutablePointer<Float>, _ sample: Int,
    accumulates: Bool
  ) {
    let destination = planes + sample * depth * planeSize
    forEachRow(of: tiles) { tile, y, offset in
      let first = tile * Winograd.outputPlanes, last = min(depth, first + Winograd.outputPlanes)
      let to = (first..<last).map { Optional(destination + $0 * planeSize + y * row) }
      let from = rowsOfPoints(products, tiles, offset).map { UnsafePointer($0) }
      cohort_winograd_output(to, to.count, from, accumulates ? 1 : 0, row)
    }
  }

  private func rowsOfPoints(
    _ planes: UnsafeMutablePointer<Float>, _ tiles: Range<Int>, _ offset: Int
  ) -> [UnsafeMutablePointer<Float>?] {
    (0..<Winograd.points).map { planes + $0 * tiles.count * planeSize + offset }
  }

  /// `body(tile, y, offset)`: row y of a tile's planes, which begins at `offset` of a point's planes [T, H, W, C].
  private func forEachRow(of tiles: Range<Int>, _ body: (Int, Int, Int) -> Void) {
    forEachBlock(tiles.count * rows) { index in body(tiles.lowerBound + index / rows, index % rows, index * row) }
  }
}
