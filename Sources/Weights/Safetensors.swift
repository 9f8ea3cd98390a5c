// The safetensors format: an 8-byte little-endian header length, a JSON header {name: {dtype, shape, data_offsets}}, then raw tensors.
// Read: F32, F16, BF16 (widened to Float), U8, I64 and other integers that Float holds exactly. Written: F32, sorted by name.

import Foundation

/// A weight or tensor file could not be used.
public struct WeightError: Error, CustomStringConvertible, Sendable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// One array of a file.
public struct StoredTensor: Sendable {
  public var shape: [Int]
  /// Row-major, as many as the shape says.
  public var values: [Float]

  public init(shape: [Int], values: [Float]) { (self.shape, self.values) = (shape, values) }
}

public enum Safetensors {
  private struct Entry: Codable {
    var dtype: String
    var shape: [Int]
    var data_offsets: [Int]
  }

  /// All tensors of a file, by name.
  public static func read(_ path: String) throws(WeightError) -> [String: StoredTensor] {
    let data = try contents(path)
    func damaged(_ what: String) -> WeightError {
      WeightError("\(path) is not a whole safetensors file: \(what): export or copy it again.")
    }
    guard data.count >= 8 else { throw damaged("it has \(data.count) bytes") }
    let length = data.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length >= 2, length <= UInt64(data.count - 8) else { throw damaged("its header would be \(length) bytes long") }
    let header = data.subdata(in: 8..<(8 + Int(length)))
    guard let object = try? JSONSerialization.jsonObject(with: header) as? [String: Any] else {
      throw damaged("its header is not JSON")
    }
    var tensors: [String: StoredTensor] = [:]
    for (name, value) in object where name != "__metadata__" {
      guard let fields = value as? [String: Any], let dtype = fields["dtype"] as? String, let shape = fields["shape"] as? [Int],
        let offsets = fields["data_offsets"] as? [Int], offsets.count == 2, shape.allSatisfy({ $0 >= 0 })
      else { throw damaged("the entry of tensor \"\(name)\" is incomplete") }
      guard let size = elementSize(dtype) else {
        throw WeightError("\(path): tensor \"\(name)\" has type \(dtype), which is not read: convert it to F32.")
      }
      let count = shape.reduce(1, *), start = 8 + Int(length) + offsets[0], end = 8 + Int(length) + offsets[1]
      guard offsets[0] >= 0, start <= end, end <= data.count, end - start == count * size else {
        throw damaged("tensor \"\(name)\" of shape \(shape) does not lie in the file")
      }
      tensors[name] = StoredTensor(shape: shape, values: data.withUnsafeBytes { widened($0[start..<end], dtype, count) })
    }
    return tensors
  }

  /// Writes F32 tensors under a temporary name and renames: a reader never sees half a file.
  public static func write(_ tensors: [String: StoredTensor], to path: String) throws(WeightError) {
    var header: [String: Entry] = [:], offset = 0
    let names = tensors.keys.sorted()
    for name in names {
      let bytes = tensors[name]!.values.count * 4
      header[name] = Entry(dtype: "F32", shape: tensors[name]!.shape, data_offsets: [offset, offset + bytes])
      offset += bytes
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var json = try! encoder.encode(header)
    while json.count % 8 != 0 { json.append(0x20) }
    var data = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
    data.append(json)
    for name in names { tensors[name]!.values.withUnsafeBytes { data.append(contentsOf: $0) } }
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw WeightError("cannot write \(path) (\(error.localizedDescription)): check that the folder exists and has space.")
    }
  }

  private static func contents(_ path: String) throws(WeightError) -> Data {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw WeightError("there is no file \(path): check the path.")
    }
    guard !isFolder.boolValue else { throw WeightError("\(path) is a folder: name a safetensors file.") }
    do {
      return try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw WeightError("cannot read \(path) (\(error.localizedDescription)): check its permissions.")
    }
  }

  private static func elementSize(_ dtype: String) -> Int? {
    switch dtype {
    case "F32", "I32": 4
    case "F16", "BF16", "I16", "U16": 2
    case "U8", "I8", "BOOL": 1
    case "I64": 8
    default: nil
    }
  }

  private static func widened(_ bytes: Slice<UnsafeRawBufferPointer>, _ dtype: String, _ count: Int) -> [Float] {
    let raw = UnsafeRawBufferPointer(rebasing: bytes)
    func each<Element: BitwiseCopyable>(_ type: Element.Type, _ convert: (Element) -> Float) -> [Float] {
      (0..<count).map { convert(raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: type)) }
    }
    switch dtype {
    case "F32":
      return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        if count > 0 { UnsafeMutableRawPointer(buffer.baseAddress!).copyMemory(from: raw.baseAddress!, byteCount: 4 * count) }
        initialized = count
      }
    case "F16": return each(Float16.self) { Float($0) }
    case "BF16": return each(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case "I16": return each(Int16.self) { Float($0) }
    case "U16": return each(UInt16.self) { Float($0) }
    case "I32": return each(Int32.self) { Float($0) }
    case "I64": return each(Int64.self) { Float($0) }
    case "I8": return each(Int8.self) { Float($0) }
    default: return each(UInt8.self) { Float($0) }
    }
  }
}
