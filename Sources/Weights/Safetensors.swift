// The safetensors format: an 8-byte little-endian header length, a JSON header {name: {dtype, shape, data_offsets}}, then raw
// tensors; beside these the header may hold texts, `__metadata__`. Read: every type of `ElementType`. Written: F32 or F16, sorted by name.

import Files
import Foundation
import Tensors

/// One array, read from a file or to be written.
public struct StoredTensor: Sendable {
  public var shape: [Int]
  /// The values, row-major, as many as the shape has.
  public var values: [Float]

  public init(shape: [Int], values: [Float]) { (self.shape, self.values) = (shape, values) }
}

public enum Safetensors {
  /// All tensors of a file, by name. Errors: any damage, and float64.
  public static func read(_ path: String) throws(WeightError) -> [String: StoredTensor] {
    let file = try MappedFile(path)
    var tensors: [String: StoredTensor] = [:]
    for entry in try entries(of: file) {
      try entry.refuseDouble(path)
      tensors[entry.name] = StoredTensor(shape: entry.shape, values: entry.tensor(in: file).values)
    }
    return tensors
  }

  /// The texts that were written with the tensors of a file; none where there are none.
  public static func metadata(_ path: String) throws(WeightError) -> [String: String] {
    try header(of: MappedFile(path)).header.metadata
  }

  private static let metadataName = "__metadata__"

  private static func damaged(_ file: MappedFile, _ what: String) -> WeightError {
    WeightError("\(file.path) is not a whole safetensors file: \(what): export or copy it again.")
  }

  /// The most bytes of a header: the format's own limit.
  private static let longestHeader = 100_000_000

  /// - Returns: the header, and the byte at which the tensors begin.
  private static func header(of file: MappedFile) throws(WeightError) -> (header: SafetensorsHeader, start: Int) {
    var reader = ByteReader(file.bytes, or: damaged(file, "it ends within its header"))
    let length = try reader.index(UInt64.self)
    guard length <= longestHeader else { throw damaged(file, "its header has \(length) bytes, more than \(longestHeader)") }
    let header = try SafetensorsHeader(try reader.take(length)) { damaged(file, $0) }
    return (header, reader.position)
  }

  /// The tensors of a file in the order in which they lie there, one right after the other up to its end.
  static func entries(of file: MappedFile) throws(WeightError) -> [WeightEntry] {
    let (header, start) = try header(of: file)
    var end = 0, entries: [WeightEntry] = []
    for declared in header.entries.sorted(by: {
      ($0.offsets[0], $0.offsets[1], $0.name) < ($1.offsets[0], $1.offsets[1], $1.name)
    }) {
      let entry = try entry(declared, start, in: file)
      guard declared.offsets[0] == end else {
        throw damaged(file, "tensor \"\(declared.name)\" begins at byte \(declared.offsets[0]), the one before ends at \(end)")
      }
      end = declared.offsets[1]
      entries.append(entry)
    }
    guard end == file.count - start else {
      throw damaged(file, "its tensors end at byte \(end) of \(file.count - start) behind the header")
    }
    return entries
  }

  private static func entry(
    _ declared: SafetensorsHeader.Entry, _ start: Int, in file: MappedFile
  ) throws(WeightError) -> WeightEntry {
    let (name, shape, first, last) = (declared.name, declared.shape, declared.offsets[0], declared.offsets[1])
    guard let type = ElementType(rawValue: declared.type) else {
      throw WeightError("\(file.path): tensor \"\(name)\" has type \(declared.type), which is not read: convert it to F32.")
    }
    guard shape.count <= WeightEntry.mostAxes, first <= last, last <= file.count - start, let count = product(shape),
      product([count, type.size]) == last - first,
      let entry = WeightEntry(
        name: name, type: type, shape: shape, strides: rowMajor(shape), first: 0, in: start + first..<start + last)
    else {
      throw damaged(file, "tensor \"\(name)\" of shape \(shape.prefix(WeightEntry.mostAxes)) does not lie in the file")
    }
    return entry
  }

  // MARK: Writing

  /// Refuses, before the work is done, a file that does not end in .safetensors, one that is read, and one in the way that the same command did not
  /// write (its `metadata` name the command).
  public static func checkOutput(_ path: String, reading inputs: [String] = [], command: String) throws(WeightError) {
    do throws(FileError) {
      try checkEnding(of: path, ".safetensors", format: "safetensors")
      try checkOutputs([path], reading: inputs) { (try? metadata($0)["command"])?.hasPrefix(command) ?? false }
    } catch { throw WeightError(error.description) }
  }

  /// A tensor to be written; its floats are made when their turn comes.
  struct Outgoing {
    let name: String
    let shape: [Int]
    let type: ElementType
    let values: () throws(WeightError) -> Tensor
  }

  /// Writes under a temporary name and renames: a reader never sees half a file. Errors: a file that is there and holds something else.
  /// - Parameters:
  ///   - type: float32 or float16, which must hold the values.
  ///   - metadata: texts that describe the tensors.
  public static func write(
    _ tensors: [String: StoredTensor], as type: ElementType = .float32, metadata: [String: String] = [:], to path: String
  ) throws(WeightError) {
    try write(
      tensors.map { name, stored in
        Outgoing(name: name, shape: stored.shape, type: type) { Tensor(stored.values, shape: Shape(stored.shape)) }
      }, metadata: metadata, to: path)
  }

  static func write(_ tensors: [Outgoing], metadata: [String: String] = [:], to path: String) throws(WeightError) {
    try requireReplaceable(path)
    let tensors = tensors.sorted { $0.name < $1.name }
    do {
      try writeDurably(to: path) { file, temporary in
        try writeAll(Array(header(tensors, metadata)), to: file, temporary)
        for tensor in tensors { try writeAll(Array(try bytes(of: tensor)), to: file, temporary) }
      }
    } catch { throw error as? WeightError ?? WeightError("\(error)") }
  }

  /// A name that was mistyped must not cost the file that bears it.
  private static func requireReplaceable(_ path: String) throws(WeightError) {
    guard FileManager.default.fileExists(atPath: path), (try? fileSize(path)) != 0 else { return }
    guard let file = try? MappedFile(path), (try? entries(of: file)) != nil else {
      throw WeightError("\(path) exists and is no safetensors file: move it away, or choose another name.")
    }
  }

  private static func header(_ tensors: [Outgoing], _ metadata: [String: String]) -> Data {
    var entries: [String: Any] = metadata.isEmpty ? [:] : [metadataName: metadata], offset = 0
    for tensor in tensors {
      let end = offset + tensor.shape.reduce(1, *) * tensor.type.size
      entries[tensor.name] = ["dtype": tensor.type.rawValue, "shape": tensor.shape, "data_offsets": [offset, end]]
      offset = end
    }
    // Texts and whole numbers always have a JSON.
    var json = try! JSONSerialization.data(withJSONObject: entries, options: [.sortedKeys, .withoutEscapingSlashes])
    while json.count % 8 != 0 { json.append(0x20) }
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) } + json
  }

  private static func bytes(of tensor: Outgoing) throws(WeightError) -> Data {
    let values = try tensor.values()
    return try withExtendedLifetime(values) { () throws(WeightError) in
      let floats = UnsafeBufferPointer(start: values.pointer, count: values.count)
      guard tensor.type == .float16 else { return Data(buffer: floats) }
      let halves = floats.map { Float16($0) }
      guard zip(floats, halves).allSatisfy({ $1.isFinite || !$0.isFinite }) else {
        throw WeightError("\"\(tensor.name)\" has values beyond float16's 65504: leave its type float32.")
      }
      return halves.withUnsafeBytes { Data($0) }
    }
  }
}
