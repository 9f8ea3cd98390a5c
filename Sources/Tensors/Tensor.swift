// A dense, row-major array of Float, channels last: images [B, D, H, W, C], tokens [B, N, E], logits [B, D, H, W, K].

import Kernels

/// The sizes of a tensor's axes.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public let sizes: [Int]

  public init(_ sizes: [Int]) { self.sizes = sizes }
  public init(arrayLiteral sizes: Int...) { self.sizes = sizes }

  public var rank: Int { sizes.count }
  public var count: Int { sizes.reduce(1, *) }
  public subscript(axis: Int) -> Int { sizes[axis < 0 ? sizes.count + axis : axis] }
  public var description: String { "[" + sizes.map(String.init).joined(separator: ", ") + "]" }

  /// B of [B, D, H, W, C].
  public var batch: Int { sizes[0] }
  /// D, H, W of [B, D, H, W, C].
  public var spatial: [Int] { Array(sizes[1..<4]) }
  /// The last axis: C, E or K.
  public var channels: Int { self[-1] }
  /// All axes but the last: voxels or tokens of the whole batch.
  public var rows: Int { sizes.dropLast().reduce(1, *) }
}

/// A value in the computation. Copies share memory; operations never write into their inputs.
public struct Tensor: Sendable {
  public let shape: Shape
  public let storage: Storage
  private let offset: Int
  /// The tape's slot for this value's gradient; nil for values that need none.
  public internal(set) var slot: Int?

  /// Memory with undefined contents, to be written by the caller.
  public init(uninitialized shape: Shape) {
    self.init(shape: shape, storage: Storage(count: shape.count), offset: 0)
  }

  public init(zeros shape: Shape) {
    self.init(uninitialized: shape)
    pointer.initialize(repeating: 0, count: shape.count)
  }

  /// Copies `values`, which must have as many elements as the shape.
  public init(_ values: [Float], shape: Shape) {
    require(values.count == shape.count, "Tensor: \(values.count) values do not fill shape \(shape): give \(shape.count).")
    self.init(uninitialized: shape)
    values.withUnsafeBufferPointer { pointer.initialize(from: $0.baseAddress!, count: shape.count) }
  }

  /// A window of `storage` that begins `offset` floats in.
  public init(shape: Shape, storage: Storage, offset: Int) {
    self.shape = shape
    self.storage = storage
    self.offset = offset
  }

  /// The first element. The caller keeps the tensor alive while the pointer is in use.
  public var pointer: UnsafeMutablePointer<Float> { storage.pointer + offset }
  public var count: Int { shape.count }

  /// The values, copied, row-major.
  public var values: [Float] {
    withExtendedLifetime(storage) { Array(UnsafeBufferPointer(start: pointer, count: count)) }
  }

  /// The place of this value's gradient, without its memory.
  public var place: GradientPlace { GradientPlace(shape: shape, slot: slot) }

  /// A copy in fresh memory, so that a tensor which lasts does not pin a block above freed ones.
  var compacted: Tensor {
    let copy = Tensor(uninitialized: shape)
    copyFloats(pointer, into: copy.pointer, count: count)
    return copy
  }

  /// The first elements in the same memory, as another shape, without a place on the tape.
  func window(_ shape: Shape) -> Tensor { Tensor(shape: shape, storage: storage, offset: offset) }

  /// The same values without a place on the tape: no gradient flows through.
  public var detached: Tensor { Tensor(shape: shape, storage: storage, offset: offset) }
}

/// The tape's slot for the gradient of a value of some shape.
public struct GradientPlace: Sendable {
  public let shape: Shape
  let slot: Int?
}
