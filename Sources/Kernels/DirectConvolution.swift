// 3D convolution by oneDNN, one primitive for each shape and direction, on weights in the form that the primitive likes.

import COneDNN
import Synchronization

/// Primitives are made once: making one compiles code, which costs more than running a small one.
///
/// A primitive's memory objects are pointed at the caller's buffers for each run, so runs are one at a time in a process: oneDNN spreads
/// each over the threads by itself.
enum DirectConvolution {
  enum Direction: Int32 {
    case forward, backwardData, backwardWeights
  }

  /// What one primitive is made for.
  struct Kind: Hashable {
    let shape: ConvolutionShape
    let direction: Direction
    /// Forward only: adds to the output instead of overwriting it.
    var accumulates = false
  }

  private struct Key: Hashable {
    let kind: Kind
    let threads: Int
  }

  private struct State: ~Copyable {
    var primitives: [Key: UnsafeMutablePointer<cohort_convolution>] = [:]
    let engine: dnnl_engine_t
    let stream: dnnl_stream_t

    init() {
      var engine: dnnl_engine_t?, stream: dnnl_stream_t?
      check(dnnl_engine_create(&engine, dnnl_cpu, 0), "dnnl_engine_create")
      check(dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_default_flags.rawValue)), "dnnl_stream_create")
      self.engine = engine!
      self.stream = stream!
    }

    mutating func primitive(_ kind: Kind) -> UnsafeMutablePointer<cohort_convolution> {
      let key = Key(kind: kind, threads: Threads.count)
      if let found = primitives[key] { return found }
      let made = make(kind, on: engine)
      primitives[key] = made
      return made
    }
  }

  // Unchecked because Swift cannot see that oneDNN's handles are only used under the lock.
  nonisolated(unsafe) private static var state = State()
  private static let lock = Mutex(())

  private static func make(_ kind: Kind, on engine: dnnl_engine_t) -> UnsafeMutablePointer<cohort_convolution> {
    let shape = kind.shape, taps = shape.taps
    let wide: ([Int]) -> [Int64] = { $0.map(Int64.init) }
    let source = wide([shape.batch, shape.inputChannels] + shape.input)
    let weights = wide([shape.outputChannels, shape.inputChannels] + shape.kernel)
    let weightStrides = wide([shape.storedChannels * taps, taps, shape.kernel[1] * shape.kernel[2], shape.kernel[2], 1])
    let destination = wide([shape.batch, shape.outputChannels] + shape.output)
    let strides = wide(shape.stride), padding = wide(shape.padding)
    var made: UnsafeMutablePointer<cohort_convolution>?
    source.withUnsafeBufferPointer { source in
      weights.withUnsafeBufferPointer { weights in
        weightStrides.withUnsafeBufferPointer { weightStrides in
          destination.withUnsafeBufferPointer { destination in
            strides.withUnsafeBufferPointer { strides in
              padding.withUnsafeBufferPointer { padding in
                var description = cohort_convolution_shape(
                  direction: kind.direction.rawValue,
                  has_bias: shape.bias && kind.direction != .backwardData ? 1 : 0, accumulates: kind.accumulates ? 1 : 0,
                  source: source.baseAddress, weights: weights.baseAddress, weight_strides: weightStrides.baseAddress,
                  destination: destination.baseAddress, strides: strides.baseAddress, padding: padding.baseAddress)
                check(cohort_convolution_create(&made, engine, &description), "making convolution \(shape)")
              }
            }
          }
        }
      }
    }
    return made!
  }

  /// Weights in the form that `kind` reads.
  static func packed(_ kind: Kind, weights: UnsafePointer<Float>) -> Storage {
    lock.withLock { _ in
      let primitive = state.primitive(kind), packed = Storage(count: primitive.pointee.packed_bytes / 4)
      reorder(primitive, .init(mutating: weights), packed)
      return packed
    }
  }

  /// `source` and `destination` are x and y, or dx and dy; which of them is written depends on the direction.
  static func run(
    _ kind: Kind, source: UnsafePointer<Float>, packed: Storage, bias: UnsafePointer<Float>? = nil,
    destination: UnsafePointer<Float>
  ) {
    lock.withLock { _ in execute(state.primitive(kind), kind, source, packed, bias, destination) }
  }

  /// Computes the weight gradient, which comes back in PyTorch's layout: overwrites dw, and db where the shape has a bias.
  static func weightGradient(
    _ shape: ConvolutionShape, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, dw: UnsafeMutablePointer<Float>,
    db: UnsafeMutablePointer<Float>?
  ) {
    lock.withLock { _ in
      let kind = Kind(shape: shape, direction: .backwardWeights)
      let primitive = state.primitive(kind), packed = Storage(count: primitive.pointee.packed_bytes / 4)
      execute(primitive, kind, x, packed, db.map { UnsafePointer($0) }, dy)
      reorder(primitive, dw, packed)
    }
  }

  private static func execute(
    _ primitive: UnsafeMutablePointer<cohort_convolution>, _ kind: Kind, _ source: UnsafePointer<Float>, _ packed: Storage,
    _ bias: UnsafePointer<Float>?, _ destination: UnsafePointer<Float>
  ) {
    let scratch = Storage(count: primitive.pointee.scratch_bytes / 4 + 1)
    if Rehearsal.isOn { return }
    withExtendedLifetime((packed, scratch)) {
      check(
        cohort_convolution_run(
          primitive, state.stream, .init(mutating: source), packed.pointer, bias.map { .init(mutating: $0) },
          .init(mutating: destination), scratch.pointer), "convolution \(kind.shape)")
    }
  }

  private static func reorder(
    _ primitive: UnsafeMutablePointer<cohort_convolution>, _ weights: UnsafeMutablePointer<Float>, _ packed: Storage
  ) {
    let scratch = Storage(count: primitive.pointee.scratch_bytes / 4 + 1)
    if Rehearsal.isOn { return }
    withExtendedLifetime((packed, scratch)) {
      check(
        cohort_convolution_reorder(primitive, state.stream, weights, packed.pointer, scratch.pointer), "reordering weights")
    }
  }
}

private func check(_ status: dnnl_status_t, _ call: @autoclosure () -> String) {
  require(
    status == dnnl_success, "oneDNN refused \(call()) with status \(status.rawValue): check that channels and sizes are positive."
  )
}
