// Number types of arrays in files, by the names that safetensors gives them, and how their bytes become floats.

/// The type of an array's elements in a file.
public enum ElementType: String, Sendable, Codable, CaseIterable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case uint16 = "U16"
  case int8 = "I8"
  case uint8 = "U8"
  case bool = "BOOL"

  /// Bytes of an element.
  public var size: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    default: false
    }
  }

  /// Turns `count` elements, `stride` elements apart from element `first` of `bytes` on, into floats.
  func widen(_ bytes: UnsafeRawPointer, first: Int, stride: Int, count: Int, into floats: UnsafeMutablePointer<Float>) {
    func each<Element: BitwiseCopyable>(_ type: Element.Type, _ convert: (Element) -> Float) {
      let size = MemoryLayout<Element>.size
      for index in 0..<count {
        floats[index] = convert(bytes.loadUnaligned(fromByteOffset: (first + index * stride) * size, as: type))
      }
    }
    switch self {
    case .float64: each(Double.self) { Float($0) }
    case .float32: each(Float.self) { $0 }
    case .float16: each(Float16.self) { Float($0) }
    case .bfloat16: each(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .int64: each(Int64.self) { Float($0) }
    case .int32: each(Int32.self) { Float($0) }
    case .int16: each(Int16.self) { Float($0) }
    case .uint16: each(UInt16.self) { Float($0) }
    case .int8: each(Int8.self) { Float($0) }
    case .uint8, .bool: each(UInt8.self) { Float($0) }
    }
  }
}
