// The number types that datasets hold, and how datasets lie in a file.

import CHDF5

/// The number types of datasets; files are little-endian.
public enum ElementType: Sendable, CaseIterable {
  case float32, float64, uint8, int16, uint32, int64, uint64

  /// The type in files. Inside the door only.
  var fileType: hid_t {
    switch self {
    case .float32: cohort_h5t_float32()
    case .float64: cohort_h5t_float64()
    case .uint8: cohort_h5t_uint8()
    case .int16: cohort_h5t_int16()
    case .uint32: cohort_h5t_uint32()
    case .int64: cohort_h5t_int64()
    case .uint64: cohort_h5t_uint64()
    }
  }

  /// The type in memory. Inside the door only.
  var memoryType: hid_t {
    switch self {
    case .float32: cohort_h5t_native_float()
    case .float64: cohort_h5t_native_double()
    case .uint8: cohort_h5t_native_uint8()
    case .int16: cohort_h5t_native_int16()
    case .uint32: cohort_h5t_native_uint32()
    case .int64: cohort_h5t_native_int64()
    case .uint64: cohort_h5t_native_uint64()
    }
  }
}

/// A number that datasets can hold.
public protocol StoredElement: BitwiseCopyable, Sendable, ExpressibleByIntegerLiteral {
  static var elementType: ElementType { get }
}

extension Float: StoredElement { public static var elementType: ElementType { .float32 } }
extension Double: StoredElement { public static var elementType: ElementType { .float64 } }
extension UInt8: StoredElement { public static var elementType: ElementType { .uint8 } }
extension Int16: StoredElement { public static var elementType: ElementType { .int16 } }
extension UInt32: StoredElement { public static var elementType: ElementType { .uint32 } }
extension Int64: StoredElement { public static var elementType: ElementType { .int64 } }
extension UInt64: StoredElement { public static var elementType: ElementType { .uint64 } }

/// How a dataset lies in its file.
public enum Storage: Sendable {
  /// One run of bytes, allocated at creation and never filled: what parallel writers need.
  case contiguous
  /// Chunks of the given extent, byte-shuffled, deflated at `level` (1 fast ... 9 small), each with a Fletcher-32 checksum.
  case chunked(extent: [Int], level: Int)
}

/// A box inside a dataset: the first index and the count along each axis.
public struct Slab: Sendable {
  public var start, count: [Int]

  public init(start: [Int], count: [Int]) { (self.start, self.count) = (start, count) }
}
