// Winograd's algorithm along depth for 3x3x3 convolutions with stride 1 and padding 1: half the multiplications of the direct sum.
// Axes: B batch, D H W voxels, I input channels, O output channels, P the 6 points, T tiles of 4 output planes.
//
// A tile of 4 output planes depends on 6 input planes. These are combined into 6 transformed planes, one for each point at which
// polynomials are evaluated; each is convolved in H and W alone with its own 3x3 filters; and the 6 products are combined into the 4
// output planes. Tiles are taken in chunks whose transformed planes stay in cache.

import CKernels

package enum Winograd {
  static let points = 6
  static let outputPlanes = 4
  private static let planeTaps = 9
  /// The size of one chunk's transformed planes. From 4 to 8 MB were measured best: less makes many small convolutions, more leaves
  /// the cache.
  private static let chunkBytes = 8 << 20

  /// The convolution, as `convolutionForward` describes it.
  package static func forward(
    _ shape: ConvolutionShape, x: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    y: UnsafeMutablePointer<Float>, accumulates: Bool
  ) {
    let filters = Storage(count: points * filterSize(shape))
    forEachBlock(shape.outputChannels) { o in
      cohort_winograd_weights(
        filters.pointer + o * shape.inputChannels * planeTaps, filterSize(shape), weights + o * shape.storedChannels * shape.taps,
        shape.taps, 0, shape.inputChannels)
    }
    convolve(shape, x, filters, bias: bias, into: y, accumulates: accumulates)
  }

  /// The gradient of x, as `convolutionBackwardData` describes it: the convolution of dy by the flipped weights, input and output
  /// channels changing places.
  package static func backwardData(
    _ shape: ConvolutionShape, dy: UnsafePointer<Float>, weights: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
  ) {
    let filters = Storage(count: points * filterSize(shape)), step = shape.storedChannels * shape.taps
    forEachBlock(shape.inputChannels) { i in
      cohort_winograd_weights(
        filters.pointer + i * shape.outputChannels * planeTaps, filterSize(shape), weights + i * shape.taps, step, 1,
        shape.outputChannels)
    }
    var adjoint = shape
    (adjoint.inputChannels, adjoint.outputChannels, adjoint.bias) = (shape.outputChannels, shape.inputChannels, false)
    convolve(adjoint, dy, filters, bias: nil, into: dx, accumulates: false)
  }

  /// y from x and the transformed filters [P, O, I, 3, 3].
  private static func convolve(
    _ shape: ConvolutionShape, _ x: UnsafePointer<Float>, _ filters: Storage, bias: UnsafePointer<Float>?,
    into y: UnsafeMutablePointer<Float>, accumulates: Bool
  ) {
    let input = Tiling(shape, channels: shape.inputChannels, order: .tilesFirst)
    let output = Tiling(shape, channels: shape.outputChannels, order: .tilesFirst)
    for (count, starts) in chunks(shape) {
      let kinds = planeConvolutions(shape, input: [count, shape.input[1], shape.input[2]], kernel: [1, 3, 3]).map {
        DirectConvolution.Kind(shape: $0, direction: .forward)
      }
      let packed = kinds.enumerated().map { point, kind in
        DirectConvolution.packed(kind, weights: filters.pointer + point * filterSize(shape))
      }
      let planes = TransformedPlanes(input, tiles: count), products = TransformedPlanes(output, tiles: count)
      for sample in 0..<shape.batch {
        for start in starts {
          input.expand(cohort_winograd_input, x, sample, reach: -1..<5, from: start, into: planes)
          for (point, kind) in kinds.enumerated() {
            DirectConvolution.run(
              kind, source: planes[point], packed: packed[point], bias: kind.shape.bias ? bias : nil, destination: products[point]
            )
          }
          output.contract(products, from: start, into: y, sample, accumulates: accumulates)
        }
      }
      withExtendedLifetime((planes, products)) {}
    }
    withExtendedLifetime(filters) {}
  }

  /// The gradients of weights and bias, as `convolutionBackwardWeights` describes them: overwrites dw and db.
  package static func backwardWeights(
    _ shape: ConvolutionShape, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, dw: UnsafeMutablePointer<Float>,
    db: UnsafeMutablePointer<Float>?
  ) {
    // Rows take the place of depth, so that even one tile has enough of it to occupy the threads.
    let input = Tiling(shape, channels: shape.inputChannels, order: .rowsFirst)
    let output = Tiling(shape, channels: shape.outputChannels, order: .rowsFirst)
    let size = filterSize(shape), sums = Storage(count: points * size), partial = Storage(count: size + shape.outputChannels)
    var isFirst = true
    for (count, starts) in chunks(shape) {
      let inner = planeConvolutions(shape, input: [shape.input[1], count, shape.input[2]], kernel: [3, 1, 3])
      let planes = TransformedPlanes(input, tiles: count), gradients = TransformedPlanes(output, tiles: count)
      for sample in 0..<shape.batch {
        for start in starts {
          input.expand(cohort_winograd_input, x, sample, reach: -1..<5, from: start, into: planes)
          output.expand(cohort_winograd_output_gradient, dy, sample, reach: 0..<4, from: start, into: gradients)
          for (point, inner) in inner.enumerated() {
            let sum = sums.pointer + point * size, db = inner.bias ? db : nil
            let (target, biasTarget) = isFirst ? (sum, db) : (partial.pointer, db.map { _ in partial.pointer + size })
            DirectConvolution.weightGradient(inner, x: planes[point], dy: gradients[point], dw: target, db: biasTarget)
            if isFirst { continue }
            add(target, to: sum, count: size)
            if let db, let biasTarget { add(biasTarget, to: db, count: shape.outputChannels) }
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

  /// Floats of one point's filters [O, I, 3, 3].
  private static func filterSize(_ shape: ConvolutionShape) -> Int { shape.outputChannels * shape.inputChannels * planeTaps }

  /// The convolution in H and W of the transformed planes of each point. Bias belongs to the point 1, whose product is added once to each
  /// of a tile's outputs.
  private static func planeConvolutions(_ shape: ConvolutionShape, input: [Int], kernel: [Int]) -> [ConvolutionShape] {
    (0..<points).map { point in
      ConvolutionShape(
        batch: 1, input: input, inputChannels: shape.inputChannels, outputChannels: shape.outputChannels, kernel: kernel,
        stride: [1, 1, 1], padding: kernel.map { $0 / 2 }, bias: shape.bias && point == 1)
    }
  }

  /// Tiles along depth, of which the last may be partial.
  private static func tiles(_ shape: ConvolutionShape) -> Int { (shape.input[0] + outputPlanes - 1) / outputPlanes }

  /// The tiles in chunks: how many to a chunk, and the first tile of each chunk of that many.
  private static func chunks(_ shape: ConvolutionShape) -> [(count: Int, starts: [Int])] {
    let tiles = tiles(shape)
    let tileBytes = 4 * points * shape.input[1] * shape.input[2] * (shape.inputChannels + shape.outputChannels)
    let count = min(tiles, max(1, chunkBytes / tileBytes)), whole = tiles - tiles % count
    return [(count, Array(stride(from: 0, to: whole, by: count)))] + (whole < tiles ? [(tiles - whole, [whole])] : [])
  }

  /// Whether this is faster than the direct sum, in any direction. A rule of the shape alone, so that results have the same bits on any
  /// number of threads.
  package static func suits(_ shape: ConvolutionShape) -> Bool {
    guard
      shape.kernel == [3, 3, 3] && shape.stride == [1, 1, 1] && shape.padding == [1, 1, 1] && shape.inputChannels % 16 == 0
        && shape.outputChannels % 16 == 0
    else { return false }
    // Counted in 3x3 sums at one voxel of a plane. The direct sum leaves out the taps beyond the first and the last plane. Transforming
    // the filters was measured to cost as much as about 400 such sums whatever the channels, and its many calls make it 500;
    // transforming the planes costs about a sixth more.
    let area = shape.batch * shape.input[1] * shape.input[2]
    let direct = (3 * shape.input[0] - 2) * area
    return 6 * (points * tiles(shape) * area + 500) <= 5 * direct
  }
}

/// The 6 transformed planes of each tile of a chunk, those of one point next to each other.
private struct TransformedPlanes {
  let tiles: Int
  private let storage: Storage
  private let pointSize: Int

  init(_ tiling: Tiling, tiles: Int) {
    self.tiles = tiles
    pointSize = tiles * tiling.planeSize
    storage = Storage(count: Winograd.points * pointSize)
  }

  subscript(point: Int) -> UnsafeMutablePointer<Float> { storage.pointer + point * pointSize }

  /// The rows of the 6 points that begin at `offset`.
  func rows(at offset: Int) -> [UnsafeMutablePointer<Float>?] { (0..<Winograd.points).map { self[$0] + offset } }
}

/// Samples [D, H, W, C] as tiles of planes along depth, which are combined row by row (W C floats).
private struct Tiling {
  /// The order of the transformed planes of a point: [T, H, W, C] or [H, T, W, C].
  enum Order {
    case tilesFirst, rowsFirst
  }
  typealias Transform =
    @convention(c) (UnsafePointer<UnsafeMutablePointer<Float>?>?, UnsafePointer<UnsafePointer<Float>?>?, Int) -> Void

  private let order: Order
  private let depth: Int
  private let rows: Int
  private let row: Int
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

  /// Transforms a chunk that begins at tile `start`. `reach`: the planes that `transform` reads, counted from a tile's first output plane.
  func expand(
    _ transform: Transform, _ planes: UnsafePointer<Float>, _ sample: Int, reach: Range<Int>, from start: Int,
    into transformed: TransformedPlanes
  ) {
    let source = planes + sample * depth * planeSize
    forEachRow(of: transformed) { tile, y, offset in
      let from = reach.map { step in
        let plane = (start + tile) * Winograd.outputPlanes + step
        return Optional((0..<depth).contains(plane) ? source + plane * planeSize + y * row : UnsafePointer(zeros.pointer))
      }
      transform(transformed.rows(at: offset), from, row)
    }
  }

  /// The planes of a chunk that begins at tile `start`, from the products.
  func contract(
    _ products: TransformedPlanes, from start: Int, into planes: UnsafeMutablePointer<Float>, _ sample: Int, accumulates: Bool
  ) {
    let destination = planes + sample * depth * planeSize
    forEachRow(of: products) { tile, y, offset in
      let first = (start + tile) * Winograd.outputPlanes, last = min(depth, first + Winograd.outputPlanes)
      let to = (first..<last).map { Optional(destination + $0 * planeSize + y * row) }
      cohort_winograd_output(to, to.count, products.rows(at: offset).map { UnsafePointer($0) }, accumulates ? 1 : 0, row)
    }
  }

  /// `body(tile, y, offset)`: row y of a chunk's tile, which begins at `offset` of each point's planes.
  private func forEachRow(of chunk: TransformedPlanes, _ body: (Int, Int, Int) -> Void) {
    forEachBlock(chunk.tiles * rows) { index in
      switch order {
      case .tilesFirst: body(index / rows, index % rows, index * row)
      case .rowsFirst: body(index % chunk.tiles, index / chunk.tiles, index * row)
      }
    }
  }
}
