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
  private static let planeTaps = 9

  /// As `convolutionForward`.
  package static func forward(
    _ shape: ConvolutionShape, x: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    y: UnsafeMutablePointer<Float>, accumulates: Bool
  ) {
    let size = filterSize(shape), filters = Storage(count: points * size)
    forEachBlock(shape.outputChannels) { o in
      cohort_winograd_weights(
        filters.pointer + o * shape.inputChannels * planeTaps, size, weights + o * shape.storedChannels * shape.taps, shape.taps,
        0,
        shape.inputChannels)
    }
    convolve(shape, x, filters, bias: bias, into: y, accumulates: accumulates)
  }

  /// As `convolutionBackwardData`: the convolution of dy by the flipped weights, input and output channels changing places.
  package static func backwardData(
    _ shape: ConvolutionShape, dy: UnsafePointer<Float>, weights: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
  ) {
    let size = filterSize(shape), filters = Storage(count: points * size)
    forEachBlock(shape.inputChannels) { i in
      cohort_winograd_weights(
        filters.pointer + i * shape.outputChannels * planeTaps, size, weights + i * shape.taps, shape.storedChannels * shape.taps,
        1,
        shape.outputChannels)
    }
    var adjoint = shape
    (adjoint.inputChannels, adjoint.outputChannels, adjoint.bias) = (shape.outputChannels, shape.inputChannels, false)
    convolve(adjoint, dy, filters, bias: nil, into: dx, accumulates: false)
  }

  /// As `convolutionBackwardWeights`: overwrites dw and db.
  package static func backwardWeights(
    _ shape: ConvolutionShape, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, dw: UnsafeMutablePointer<Float>,
    db: UnsafeMutablePointer<Float>?
  ) {
    let from = Tiling(shape, channels: shape.inputChannels, order: .rowsFirst)
    let to = Tiling(shape, channels: shape.outputChannels, order: .rowsFirst)
    let size = filterSize(shape), sums = Storage(count: points * size), partial = Storage(count: size + shape.outputChannels)
    var isFirst = true
    for (count, starts) in chunks(shape) {
      let inner = planeConvolution(shape, input: [shape.input[1], count, shape.input[2]], kernel: [3, 1, 3])
      let planes = Storage(count: points * count * from.planeSize), gradients = Storage(count: points * count * to.planeSize)
      for sample in 0..<shape.batch {
        for start in starts {
          let tiles = start..<start + count
          from.expand(cohort_winograd_input, x, sample, reach: -1..<5, tiles, into: planes.pointer)
          to.expand(cohort_winograd_output_gradient, dy, sample, reach: 0..<4, tiles, into: gradients.pointer)
          for (point, inner) in inner.enumerated() {
            let sum = sums.pointer + point * size
            DirectConvolution.weightGradient(
              inner, x: planes.pointer + point * count * from.planeSize, dy: gradients.pointer + point * count * to.planeSize,
              dw: isFirst ? sum : partial.pointer, db: inner.bias ? (isFirst ? db : partial.pointer + size) : nil)
            if isFirst { continue }
            add(partial.pointer, to: sum, count: size)
            if inner.bias, let db { add(partial.pointer + size, to: db, count: shape.outputChannels) }
          }
          isFirst = false
        }
      }
      withExtendedLifetime((planes, gradients)) {}
    }
    forEachBlock(shape.outputChannels) { o in
      cohort_winograd_weight_gradient(
        dw + o * shape.storedChannels * shape.taps, sums.pointer + o * shape.inputChannels * planeTaps, size, shape.inputChannels)
    }
    withExtendedLifetime((sums, partial)) {}
  }

  /// y from x and the transformed filters [P, O, I, 3, 3].
  private static func convolve(
    _ shape: ConvolutionShape, _ x: UnsafePointer<Float>, _ filters: Storage, bias: UnsafePointer<Float>?,
    into y: UnsafeMutablePointer<Float>, accumulates: Bool
  ) {
    let from = Tiling(shape, channels: shape.inputChannels, order: .tilesFirst)
    let to = Tiling(shape, channels: shape.outputChannels, order: .tilesFirst)
    for (count, starts) in chunks(shape) {
      let planes = Storage(count: points * count * from.planeSize), products = Storage(count: points * count * to.planeSize)
      let kinds = planeConvolution(shape, input: [count, shape.input[1], shape.input[2]], kernel: [1, 3, 3]).map {
        DirectConvolution.Kind(shape: $0, direction: .forward)
      }
      let packed = kinds.enumerated().map { point, kind in
        DirectConvolution.packed(kind, weights: filters.pointer + point * filterSize(shape))
      }
      for sample in 0..<shape.batch {
        for start in starts {
          let tiles = start..<start + count
          from.expand(cohort_winograd_input, x, sample, reach: -1..<5, tiles, into: planes.pointer)
          for (point, kind) in kinds.enumerated() {
            DirectConvolution.run(
              kind, source: planes.pointer + point * count * from.planeSize, packed: packed[point],
              bias: kind.shape.bias ? bias : nil, destination: products.pointer + point * count * to.planeSize)
          }
          to.contract(products.pointer, tiles, into: y, sample, accumulates: accumulates)
        }
      }
      withExtendedLifetime((planes, products)) {}
    }
    withExtendedLifetime(filters) {}
  }

  /// Floats of one point's filters [O, I, 3, 3].
  private static func filterSize(_ shape: ConvolutionShape) -> Int { shape.outputChannels * shape.inputChannels * planeTaps }

  /// The convolution in H and W of the transformed planes, for each point. Bias belongs to the point 1, whose products are added to each
  /// of a tile's outputs once.
  private static func planeConvolution(_ shape: ConvolutionShape, input: [Int], kernel: [Int]) -> [ConvolutionShape] {
    (0..<points).map { point in
      ConvolutionShape(
        batch: 1, input: input, inputChannels: shape.inputChannels, outputChannels: shape.outputChannels, kernel: kernel,
        stride: [1, 1, 1], padding: kernel.map { $0 / 2 }, bias: shape.bias && point == 1)
    }
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

  /// Whether the transformed planes of each point are [T, H, W, C] or [H, T, W, C].
  enum Order {
    case tilesFirst, rowsFirst
  }

  let order: Order
  let depth: Int
  let rows: Int
  let row: Int
  /// What planes beyond either end are read as.
  private let zeros: Storage

  init(_ shape: ConvolutionShape, channels: Int, order: Order) {
    self.order = order
    depth = shape.input[0]
    rows = shape.input[1]
    row = shape.input[2] * channels
    zeros = Storage(count: row)
    zeros.pointer.update(repeating: 0, count: row)
  }

  var planeSize: Int { rows * row }

  /// Transformed planes of `tiles` from the planes of a tile that are `reach` from its first output plane.
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

  /// The planes of `tiles` from their products.
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

  /// `body(tile, y, offset)`: row y of a tile's planes, which begins at `offset` of a point's planes.
  private func forEachRow(of tiles: Range<Int>, _ body: (Int, Int, Int) -> Void) {
    forEachBlock(tiles.count * rows) { index in
      switch order {
      case .tilesFirst: body(tiles.lowerBound + index / rows, index % rows, index * row)
      case .rowsFirst: body(tiles.lowerBound + index % tiles.count, index / tiles.count, index * row)
      }
    }
  }
}
