// Messages of Protocol Buffers, written field by field: what ONNX models and TensorBoard's event files are made of (protobuf.dev, "Encoding").

import Foundation

/// A message of Protocol Buffers that is being written. Fields keep the order in which they are added; a repeated field is added several times.
public struct ProtocolMessage: Sendable, Equatable {
  /// What stands behind the number of a field.
  private enum WireType: UInt64 {
    case varint = 0
    case eightBytes = 1
    case lengthAndBytes = 2
    case fourBytes = 5
  }

  /// The message so far, as bytes.
  public private(set) var bytes: [UInt8] = []

  public init() {}

  /// Adds an integer, a Boolean or a case of an enumeration (int32, int64, uint64, bool, enum). A negative one takes ten bytes, as it must.
  public mutating func add(_ value: Int, as field: Int) {
    start(field, .varint)
    append(varint: UInt64(bitPattern: Int64(value)))
  }

  /// Adds a float.
  public mutating func add(_ value: Float, as field: Int) {
    start(field, .fourBytes)
    append(littleEndian: value.bitPattern)
  }

  /// Adds a double.
  public mutating func add(_ value: Double, as field: Int) {
    start(field, .eightBytes)
    append(littleEndian: value.bitPattern)
  }

  /// Adds a string, as UTF-8.
  public mutating func add(_ text: String, as field: Int) { add(Array(text.utf8), as: field) }

  /// Adds bytes.
  public mutating func add(_ content: [UInt8], as field: Int) {
    start(field, .lengthAndBytes)
    append(varint: UInt64(content.count))
    bytes += content
  }

  /// Adds a message within this one.
  public mutating func add(_ message: ProtocolMessage, as field: Int) { add(message.bytes, as: field) }

  /// Adds a repeated field of integers, packed.
  public mutating func add(packed values: [Int], as field: Int) {
    var content = ProtocolMessage()
    for value in values { content.append(varint: UInt64(bitPattern: Int64(value))) }
    add(content.bytes, as: field)
  }

  /// Adds a repeated field of doubles, packed.
  public mutating func add(packed values: [Double], as field: Int) {
    var content = ProtocolMessage()
    for value in values { content.append(littleEndian: value.bitPattern) }
    add(content.bytes, as: field)
  }

  private mutating func start(_ field: Int, _ type: WireType) { append(varint: UInt64(field) << 3 | type.rawValue) }

  private mutating func append(varint value: UInt64) {
    var rest = value
    while rest > 127 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func append(littleEndian value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }
}
