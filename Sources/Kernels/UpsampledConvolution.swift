// Convolution of an upsampled tensor without upsampling it.
//
// A convolution mixes channels at each tap and adds shifted results; upsampling never mixes channels. So the channels are mixed
// first, on the coarse grid, for all taps in one matrix product, and what upsampling and shifting leave to do are weighted sums
// along one axis at a time (`AxisTerms`). With factors of 2 the product has an eighth of the operations, and the fine tensor is
// never made.
// Axes: D H W coarse voxels, I input channels, O output channels, N = O times the kernel's taps.

import CKernels

/// A convolution with odd kernel, stride 1 and "same" padding of an upsampled [B, D, H, W, I].
public struct UpsampledConvolutionShape: Hashable, Sendable {
  public var batch: Int
  /// D, H, W of the coarse tensor.
  public var input: [Int]
  public var inputChannels: Int
  public var outputChannels: Int
  public var kernel: [Int]
  public var upsampling: [Upsampling]
  /// Input channels of the stored weights that this convolution's are a slice of.
  public var storedChannels: Int

  public init(
    batch: Int, input: [Int], inputChannels: Int, outputChannels: Int, kernel: [Int], upsampling: [Upsampling],
    storedChannels: Int
  ) {
    self.batch = batch
    self.input = input
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernel = kernel
    self.upsampling = upsampling
    self.storedChannels = storedChannels
  }

  /// D', H', W' of the result.
  public var output: [Int] { (0..<3).map { input[$0] * upsampling[$0].factor } }
  var taps: Int { kernel.reduce(1, *) }

  /// Floating-point operations of the same convolution on the upsampled tensor.
  public var operations: Double {
    2 * Double(batch) * Double(output.reduce(1, *)) * Double(inputChannels * outputChannels) * Double(taps)
  }
}

/// y += w * upsampled(x).
/// - Shape: x [B, D, H, W, I], weights [O, I of the stored, kD, kH, kW] from the slice's first element, y [B, D', H', W', O].
public func upsampledConvolutionForward(
  _ shape: UpsampledConvolutionShape, x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
  addingTo y: UnsafeMutablePointer<Float>
) {
  let plan = UpsampledConvolution(shape), matrix = plan.matrix(weights)
  for sample in 0..<shape.batch {
    parallelFor(plan.depth.fine, grain: 1) { start, end in
      plan.forward(
        start..<end, x + sample * plan.coarseSize, matrix.pointer, y + sample * plan.depth.fine * plan.finePlane)
    }
  }
  withExtendedLifetime(matrix) {}
}

/// dw (overwritten) and dx (overwritten, unless nil) of `upsampledConvolutionForward`.
public func upsampledConvolutionBackward(
  _ shape: UpsampledConvolutionShape, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, weights: UnsafePointer<Float>,
  dx: UnsafeMutablePointer<Float>?, dw: UnsafeMutablePointer<Float>
) {
  let plan = UpsampledConvolution(shape), matrix = plan.matrix(weights), size = shape.inputChannels * plan.columns
  // Planes in fixed groups, whose sums are added in order: the same bits on any number of threads.
  let groups = min(plan.depth.coarse, 16), sums = Storage(count: groups * size)
  sums.pointer.update(repeating: 0, count: groups * size)
  for sample in 0..<shape.batch {
    forEachBlock(groups) { group in
      let planes = group * plan.depth.coarse / groups..<(group + 1) * plan.depth.coarse / groups
      plan.backward(
        planes, x + sample * plan.coarseSize, dy + sample * plan.depth.fine * plan.finePlane, matrix.pointer,
        dx.map { $0 + sample * plan.coarseSize }, sums.pointer + group * size)
    }
  }
  for group in 1..<max(1, groups) { add(sums.pointer + group * size, to: sums.pointer, count: size) }
  plan.unpack(sums.pointer, into: dw)
  withExtendedLifetime((matrix, sums)) {}
}

/// The tables and sizes of one shape, and the forward and the backward pass over its planes.
private struct UpsampledConvolution {
  let shape: UpsampledConvolutionShape
  let depth, height, width: AxisTerms
  /// N: columns of the product, in the order (tap of W, tap of D, tap of H, o).
  let columns: Int
  /// Floats of a coarse sample, of a coarse plane, of a fine line and of a fine plane.
  let coarseSize, coarsePlane, fineLine, finePlane: Int
  /// Coarse rows in one product: its result, rows · W · N floats, should stay in the second-level cache and yet have rows enough.
  let rowsInProduct: Int
  let acrossWidth, acrossHeight: [cohort_terms]
  let backAcrossDepth, backAcrossHeight, backAcrossWidth: [cohort_terms]

  init(_ shape: UpsampledConvolutionShape) {
    self.shape = shape
    let axes = (0..<3).map {
      AxisTerms(coarse: shape.input[$0], taps: shape.kernel[$0], upsampling: shape.upsampling[$0])
    }
    (depth, height, width) = (axes[0], axes[1], axes[2])
    let outputs = shape.outputChannels, (kD, kH) = (shape.kernel[0], shape.kernel[1])
    let lines = kD * kH, line = width.fine * outputs, plane = height.fine * line, columns = outputs * shape.taps
    self.columns = columns
    coarsePlane = shape.input[1] * shape.input[2] * shape.inputChannels
    coarseSize = shape.input[0] * coarsePlane
    (fineLine, finePlane) = (line, plane)
    rowsInProduct = max(1, max(96, (1 << 17) / columns) / shape.input[2])
    acrossWidth = width.forward { tap, voxel in voxel * columns + tap * lines * outputs }
    acrossHeight = height.forward { tap, voxel in (voxel * lines + tap) * line }
    backAcrossDepth = depth.adjoint { $0 * plane }
    backAcrossHeight = height.adjoint { $0 * line }
    backAcrossWidth = width.adjoint { $0 * outputs }
  }

  /// Weights [O, I, kD, kH, kW] as a matrix [I, N].
  func matrix(_ weights: UnsafePointer<Float>) -> Storage {
    let result = Storage(count: shape.inputChannels * columns)
    forEachColumn { column, stored in
      for i in 0..<shape.inputChannels { result.pointer[i * columns + column] = weights[stored + i * shape.taps] }
    }
    return result
  }

  /// The matrix's gradient as that of the weights.
  func unpack(_ matrix: UnsafePointer<Float>, into dw: UnsafeMutablePointer<Float>) {
    forEachColumn { column, stored in
      for i in 0..<shape.inputChannels { dw[stored + i * shape.taps] = matrix[i * columns + column] }
    }
  }

  /// `body(column of the matrix, place of its first input channel in the weights)`.
  private func forEachColumn(_ body: (Int, Int) -> Void) {
    let (kD, kH, kW) = (shape.kernel[0], shape.kernel[1], shape.kernel[2])
    forEachBlock(shape.outputChannels) { o in
      for d in 0..<kD {
        for h in 0..<kH {
          for w in 0..<kW {
            body(
              ((w * kD + d) * kH + h) * shape.outputChannels + o, o * shape.storedChannels * shape.taps + (d * kH + h) * kW + w)
          }
        }
      }
    }
  }

  // MARK: Forward

  /// Adds fine planes `outputs` of the result to y.
  func forward(
    _ outputs: Range<Int>, _ x: UnsafePointer<Float>, _ matrix: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    let needed = depth.voxels(for: outputs), group = max(1, 128 / (height.coarse * width.coarse))
    // An output voxel needs at most three planes.
    let slots = min(depth.coarse, group + 2), slotSize = shape.kernel[0] * finePlane
    let ring = Storage(count: slots * slotSize),
      lines = Storage(count: group * height.coarse * shape.kernel[0] * shape.kernel[1] * fineLine)
    let product = Storage(count: rowsInProduct * width.coarse * columns)
    // Whole groups, counted from the first plane of all, whichever planes are asked for: how the last rows of a product are rounded
    // depends on where it ends.
    var ready = needed.lowerBound / group * group
    for output in outputs {
      let reach = depth.voxels(for: output..<output + 1).upperBound
      while ready < reach {
        let planes = ready..<min(ready + group, depth.coarse)
        spread(planes, x, matrix, product.pointer, lines.pointer)
        for plane in planes.clamped(to: needed) {
          cohort_combine(
            ring.pointer + plane % slots * slotSize, Int64(fineLine),
            lines.pointer + (plane - ready) * height.coarse * shape.kernel[0] * shape.kernel[1] * fineLine, acrossHeight,
            height.fine,
            shape.kernel[0], Int64(finePlane), Int64(shape.kernel[1] * fineLine), fineLine, 0)
        }
        ready = planes.upperBound
      }
      var terms = depth.forward(fine: output) { tap, voxel in voxel % slots * slotSize + tap * finePlane }
      cohort_combine(y + output * finePlane, 0, ring.pointer, &terms, 1, 1, 0, 0, finePlane, 1)
    }
    withExtendedLifetime((ring, lines, product)) {}
  }

  /// The products of coarse planes and their sums across W: lines [row, tap of D, tap of H, W', O].
  private func spread(
    _ planes: Range<Int>, _ x: UnsafePointer<Float>, _ matrix: UnsafePointer<Float>, _ product: UnsafeMutablePointer<Float>,
    _ lines: UnsafeMutablePointer<Float>
  ) {
    let rows = planes.count * height.coarse, taps = shape.kernel[0] * shape.kernel[1]
    for start in stride(from: 0, to: rows, by: rowsInProduct) {
      let count = min(rowsInProduct, rows - start), voxels = count * width.coarse
      Kernels.product(
        .plain, x + planes.lowerBound * coarsePlane + start * width.coarse * shape.inputChannels, matrix, into: product, voxels,
        columns, shape.inputChannels)
      for row in 0..<count {
        cohort_combine(
          lines + (start + row) * taps * fineLine, Int64(shape.outputChannels), product + row * width.coarse * columns,
          acrossWidth,
          width.fine, taps, Int64(fineLine), Int64(shape.outputChannels), shape.outputChannels, 0)
      }
    }
  }

  // MARK: Backward

  /// Gradients of coarse planes `planes`: adds to the matrix's, overwrites dx.
  func backward(
    _ planes: Range<Int>, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ matrix: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>?, _ dMatrix: UnsafeMutablePointer<Float>
  ) {
    let (kD, kH, kW) = (shape.kernel[0], shape.kernel[1], shape.kernel[2]), outputs = shape.outputChannels
    let folded = Storage(count: kD * finePlane), lines = Storage(count: kD * kH * fineLine)
    let product = Storage(count: rowsInProduct * width.coarse * columns)
    let rows = planes.count * height.coarse
    var pending = 0
    for row in 0..<rows {
      let plane = planes.lowerBound + row / height.coarse, h = row % height.coarse
      if h == 0 {
        combine(folded.pointer, finePlane, dy, backAcrossDepth, plane * kD, kD, runs: 1, 0, 0, finePlane)
      }
      combine(
        lines.pointer, fineLine, folded.pointer, backAcrossHeight, h * kH, kH, runs: kD, kH * fineLine, finePlane, fineLine)
      combine(
        product.pointer + pending * width.coarse * columns, kD * kH * outputs, lines.pointer, backAcrossWidth, 0,
        width.coarse * kW,
        runs: kD * kH, outputs, fineLine, outputs)
      pending += 1
      if pending == rowsInProduct || row == rows - 1 {
        let first = (planes.lowerBound * height.coarse + row + 1 - pending) * width.coarse * shape.inputChannels
        multiplyBack(pending * width.coarse, x + first, matrix, product.pointer, dx.map { $0 + first }, dMatrix)
        pending = 0
      }
    }
    withExtendedLifetime((folded, lines, product)) {}
  }

  private func combine(
    _ y: UnsafeMutablePointer<Float>, _ step: Int, _ x: UnsafePointer<Float>, _ table: [cohort_terms], _ first: Int,
    _ outputs: Int,
    runs: Int, _ yRun: Int, _ xRun: Int, _ length: Int
  ) {
    table.withUnsafeBufferPointer {
      cohort_combine(y, Int64(step), x, $0.baseAddress! + first, outputs, runs, Int64(yRun), Int64(xRun), length, 0)
    }
  }

  /// dx = dZ matrixᵀ, dMatrix += xᵀ dZ for `voxels` coarse voxels with dZ [voxels, N].
  private func multiplyBack(
    _ voxels: Int, _ x: UnsafePointer<Float>, _ matrix: UnsafePointer<Float>, _ dZ: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>?, _ dMatrix: UnsafeMutablePointer<Float>
  ) {
    product(.firstTransposed, x, dZ, into: dMatrix, shape.inputChannels, columns, voxels, adding: true)
    if let dx { product(.secondTransposed, dZ, matrix, into: dx, voxels, shape.inputChannels, columns) }
  }
}
