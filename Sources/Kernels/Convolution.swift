// 3D convolution by oneDNN: forward, data gradient and weight gradient on channels-last activations.
// Axes: B batch, D H W voxels, I input channels, O output channels. Weights stay in PyTorch's [O, I, kD, kH, kW].

import COneDNN
import Synchronization

/// The numbers that describe a convolution. Activations are [B, D, H, W, I] and [B, D', H', W', O].
public struct ConvolutionShape: Hashable, Sendable {
  public var batch: Int
  public var input: [Int]
  public var inputChannels: Int
  public var outputChannels: Int
  public var kernel: [Int]
  public var stride: [Int]
  public var padding: [Int]
  public var bias: Bool

  /// - Parameters: `input`, `kernel`, `stride` and `padding` are in D, H, W order, in voxels.
  public init(
    batch: Int, input: [Int], inputChannels: Int, outputChannels: Int, kernel: [Int], stride: [Int], padding: [Int], bias: Bool
  ) {
    self.batch = batch
    self.input = input
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.bias = bias
  }

  /// D', H', W'.
  public var output: [Int] { (0..<3).map { (input[$0] + 2 * padding[$0] - kernel[$0]) / stride[$0] + 1 } }

  /// Floating-point operations of one pass (a multiply and an add count two).
  public var operations: Double {
    2 * Double(batch) * Double(output.reduce(1, *)) * Double(inputChannels * outputChannels) * Double(kernel.reduce(1, *))
  }
}

/// y = w * x + b.
public func convolutionForward(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
  y: UnsafeMutablePointer<Float>
) {
  ConvolutionCache.run(shape, COHORT_FORWARD, x, weights, bias, y)
}

/// dx from dy: overwrites dx.
public func convolutionBackwardData(
  _ shape: ConvolutionShape, dy: UnsafePointer<Float>, weights: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
) {
  ConvolutionCache.run(shape, COHORT_BACKWARD_DATA, dx, weights, nil, dy)
}

/// dw (and db where the convolution has a bias) from x and dy: overwrites both.
public func convolutionBackwardWeights(
  _ shape: ConvolutionShape, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, dw: UnsafeMutablePointer<Float>,
  db: UnsafeMutablePointer<Float>?
) {
  ConvolutionCache.run(shape, COHORT_BACKWARD_WEIGHTS, x, dw, db, dy)
}

/// Primitives are made once for each shape and direction: making one compiles code, which costs more than running a small one.
///
/// A primitive's memory objects are pointed at the caller's buffers for each run, so runs are one at a time in a process: oneDNN spreads
/// each over the threads by itself.
private enum ConvolutionCache {
  struct Key: Hashable {
    let shape: ConvolutionShape
    let direction: Int
    let threads: Int
  }

  struct State: ~Copyable {
    var primitives: [Key: UnsafeMutablePointer<cohort_convolution>] = [:]
    let engine: dnnl_engine_t
    let stream: dnnl_stream_t
    /// Working memory, as large as the largest primitive wants.
    var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    init() {
      var engine: dnnl_engine_t?, stream: dnnl_stream_t?
      check(dnnl_engine_create(&engine, dnnl_cpu, 0), "dnnl_engine_create")
      check(dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_default_flags.rawValue)), "dnnl_stream_create")
      self.engine = engine!
      self.stream = stream!
    }

    mutating func primitive(_ shape: ConvolutionShape, _ direction: Int) -> UnsafeMutablePointer<cohort_convolution> {
      let key = Key(shape: shape, direction: direction, threads: Threads.count)
      if let found = primitives[key] { return found }
      var made: UnsafeMutablePointer<cohort_convolution>?
      let wide: ([Int]) -> [Int64] = { $0.map(Int64.init) }
      check(
        cohort_convolution_create(
          &made, engine, Int32(direction), wide([shape.batch, shape.inputChannels] + shape.input),
          wide([shape.outputChannels, shape.inputChannels] + shape.kernel),
          wide([shape.batch, shape.outputChannels] + shape.output), wide(shape.stride), wide(shape.padding),
          shape.bias && direction != COHORT_BACKWARD_DATA ? 1 : 0), "making convolution \(shape)")
      primitives[key] = made
      if made!.pointee.scratch_bytes > scratch.count {
        scratch.deallocate()
        scratch = .allocate(byteCount: made!.pointee.scratch_bytes, alignment: 4096)
      }
      return made!
    }
  }

  // Unchecked because Swift cannot see that oneDNN's handles are only used under the lock.
  nonisolated(unsafe) private static var state = State()
  private static let lock = Mutex(())

  static func run(
    _ shape: ConvolutionShape, _ direction: Int, _ source: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
    _ bias: UnsafePointer<Float>?, _ destination: UnsafePointer<Float>
  ) {
    lock.withLock { _ in
      let primitive = state.primitive(shape, direction)
      check(
        cohort_convolution_run(
          primitive, state.stream, .init(mutating: source), .init(mutating: weights), bias.map { .init(mutating: $0) },
          .init(mutating: destination), state.scratch.baseAddress), "convolution \(shape)")
    }
  }
}

private func check(_ status: dnnl_status_t, _ call: @autoclosure () -> String) {
  require(
    status == dnnl_success, "oneDNN refused \(call()) with status \(status.rawValue): check that channels and sizes are positive."
  )
}

/// The version of oneDNN that the program runs with, for example 2.6.3.
public var oneDNNVersion: String {
  let version = dnnl_version().pointee
  return "\(version.major).\(version.minor).\(version.patch)"
}
