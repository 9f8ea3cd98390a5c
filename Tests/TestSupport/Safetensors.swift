// A small reader of safetensors files for golden numbers: u8 and f32 tensors.
// Format: 8 bytes little-endian header length, a JSON header {name: {dtype, shape, data_offsets}}, then the data.

import Foundation

/// A tensor of a golden file: `floats` for F32, `bytes` for U8; the other one is empty.
public struct GoldenTensor: Sendable {
  public var shape: [Int]
  public var floats: [Float]
  public var bytes: [UInt8]
}

public struct SafetensorsError: Error, CustomStringConvertible {
  public let description: String
}

/// All tensors of a safetensors file by name.
public func loadSafetensors(_ path: String) throws -> [String: GoldenTensor] {
  let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  guard data.count >= 8 else { throw SafetensorsError(description: "\(path) is too short: copy it again.") }
  let length = data.withUnsafeBytes { Int(UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))) }
  guard length > 0, length <= data.count - 8 else {
    throw SafetensorsError(description: "\(path) has a damaged header: copy it again.")
  }
  let entries = try JSONDecoder().decode([String: Entry].self, from: Data(data[8..<8 + length]))
  return try entries.compactMapValues { entry in
    guard let dtype = entry.dtype, let shape = entry.shape, let offsets = entry.data_offsets else { return nil }  // __metadata__
    let bytes = data[(8 + length + offsets[0])..<(8 + length + offsets[1])]
    switch dtype {
    case "U8": return GoldenTensor(shape: shape, floats: [], bytes: Array(bytes))
    case "F32":
      let floats = Array(bytes).withUnsafeBytes { raw in
        (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
      return GoldenTensor(shape: shape, floats: floats, bytes: [])
    default: throw SafetensorsError(description: "\(path) holds a tensor of type \(dtype): add that type to this reader.")
    }
  }
}

private struct Entry: Decodable {
  var dtype: String?
  var shape: [Int]?
  var data_offsets: [Int]?
}
