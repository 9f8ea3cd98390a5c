// A small reader of safetensors files for golden numbers: u8, i64 and f32 tensors.
// Format: 8 bytes little-endian header length, a JSON header {name: {dtype, shape, data_offsets}}, then the data.

import Foundation

/// A tensor of a golden file: `floats` for F32 and I64, `bytes` for U8; the other one is empty.
public struct GoldenTensor: Sendable {
  public var shape: [Int]
  public var floats: [Float]
  public var bytes: [UInt8]

  public init(shape: [Int], floats: [Float], bytes: [UInt8]) { (self.shape, self.floats, self.bytes) = (shape, floats, bytes) }
}

public struct SafetensorsError: Error, CustomStringConvertible {
  public let description: String
}

/// All tensors of a safetensors file by name.
public func loadSafetensors(_ path: String) throws -> [String: GoldenTensor] {
  let (header, data) = try parts(path)
  return try JSONDecoder().decode([String: Entry].self, from: header).compactMapValues { entry in
    guard let dtype = entry.dtype, let shape = entry.shape, let offsets = entry.data_offsets else { return nil }  // __metadata__
    let bytes = Array(data[(data.startIndex + offsets[0])..<(data.startIndex + offsets[1])])
    func elements<Element>(_ type: Element.Type) -> [Element] {
      let size = MemoryLayout<Element>.size
      return bytes.withUnsafeBytes { raw in (0..<raw.count / size).map { raw.loadUnaligned(fromByteOffset: size * $0, as: type) }
      }
    }
    switch dtype {
    case "U8": return GoldenTensor(shape: shape, floats: [], bytes: bytes)
    case "F32": return GoldenTensor(shape: shape, floats: elements(Float.self), bytes: [])
    case "I64": return GoldenTensor(shape: shape, floats: elements(Int64.self).map { Float($0) }, bytes: [])
    default: throw SafetensorsError(description: "\(path) holds a tensor of type \(dtype): add that type to this reader.")
    }
  }
}

/// The texts beside the tensors of a safetensors file, by name.
public func loadSafetensorsTexts(_ path: String) throws -> [String: String] {
  struct Texts: Decodable {
    var __metadata__: [String: String]?
  }
  return try JSONDecoder().decode(Texts.self, from: try parts(path).header).__metadata__ ?? [:]
}

/// A file's header and what follows it.
private func parts(_ path: String) throws -> (header: Data, data: ArraySlice<UInt8>) {
  let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  guard data.count >= 8 else { throw SafetensorsError(description: "\(path) is too short: copy it again.") }
  let length = data.withUnsafeBytes { Int(UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))) }
  guard length > 0, length <= data.count - 8 else {
    throw SafetensorsError(description: "\(path) has a damaged header: copy it again.")
  }
  return (Data(data[8..<8 + length]), data[(8 + length)...])
}

private struct Entry: Decodable {
  var dtype: String?
  var shape: [Int]?
  var data_offsets: [Int]?
}
