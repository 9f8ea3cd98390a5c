// One array in a mapped file: where it lies, and its elements as floats.

import Kernels
import Tensors

/// An array of a file.
public struct WeightEntry: Sendable {
  public let name: String
  public let type: ElementType
  public let shape: [Int]
  /// The number of elements.
  public let count: Int
  /// Elements from one index to the next, for each axis.
  let strides: [Int]
  /// The place of its first element, in bytes from the start of the file.
  let offset: Int

  /// The most axes of an array: PyTorch's own limit.
  static let mostAxes = 64

  /// An array whose elements all lie in `range` of a file, the first one `first` elements in; nil if they do not.
  ///
  /// Arrays with more elements than the range holds (expanded ones) are not taken either: a small file could ask for any amount
  /// of memory.
  init?(name: String, type: ElementType, shape: [Int], strides: [Int], first: Int, in range: Range<Int>) {
    let capacity = range.count / type.size
    guard shape.count == strides.count, shape.count <= Self.mostAxes, (0...capacity).contains(first),
      (shape + strides).allSatisfy({ $0 >= 0 }),
      let count = product(shape), count <= capacity
    else { return nil }
    var last = first
    for (size, stride) in zip(shape, strides) where count > 0 && size > 1 {
      guard stride <= capacity, let span = product([size - 1, stride]), span < capacity - last else { return nil }
      last += span
    }
    guard count == 0 || last < capacity else { return nil }
    (self.name, self.type, self.shape, self.strides, self.count) = (name, type, shape, strides, count)
    offset = range.lowerBound + first * type.size
  }

  /// The same under another name.
  func named(_ name: String) -> WeightEntry { WeightEntry(name: name, self) }

  private init(name: String, _ other: WeightEntry) {
    (self.name, type, shape, strides, count) = (name, other.type, other.shape, other.strides, other.count)
    offset = other.offset
  }

  /// The floats where they lie in the file if they are whole, in order and aligned; else a copy, converted. float64 is rounded.
  func tensor(in file: MappedFile) -> Tensor {
    let bytes = file.bytes.baseAddress! + offset
    if type == .float32, count > 0, isContiguous, UInt(bitPattern: bytes) % 4 == 0 {
      let floats = bytes.assumingMemoryBound(to: Float.self)
      return Tensor(shape: Shape(shape), storage: Storage(readingFrom: floats, of: file), offset: 0)
    }
    let result = Tensor(uninitialized: Shape(shape))
    withExtendedLifetime((file, result)) { copy(from: bytes, into: result.pointer) }
    return result
  }

  private var isContiguous: Bool {
    var expected = 1
    for (size, stride) in zip(shape, strides).reversed() where size != 1 {
      if stride != expected { return false }
      expected *= size
    }
    return true
  }

  /// Row-major.
  private func copy(from bytes: UnsafeRawPointer, into floats: UnsafeMutablePointer<Float>) {
    if count == 0 { return }
    if isContiguous { return type.widen(bytes, first: 0, stride: 1, count: count, into: floats) }
    let row = shape.last!
    var index = [Int](repeating: 0, count: shape.count - 1)
    for written in stride(from: 0, to: count, by: row) {
      let first = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
      type.widen(bytes, first: first, stride: strides.last!, count: row, into: floats + written)
      for axis in index.indices.reversed() {
        index[axis] += 1
        if index[axis] < shape[axis] { break }
        index[axis] = 0
      }
    }
  }
}

/// The sum of numbers that are not negative, nil where it goes beyond the largest Int.
func sum(_ numbers: [Int]) -> Int? {
  var result = 0
  for number in numbers {
    let (next, overflow) = result.addingReportingOverflow(number)
    if overflow { return nil }
    result = next
  }
  return result
}

/// The product of numbers that are not negative, nil where it goes beyond the largest Int on the way.
func product(_ numbers: [Int]) -> Int? {
  var result = 1
  for number in numbers {
    let (next, overflow) = result.multipliedReportingOverflow(by: number)
    if overflow { return nil }
    result = next
  }
  return result
}

/// The strides of an array whose elements lie in order, the last axis fastest.
func rowMajor(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] &* shape[axis + 1] }
  return strides
}
