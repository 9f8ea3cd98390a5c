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
    try header(of: MappedFile(path)).object[metadataName] as? [String: String] ?? [:]
  }

  private static let metadataName = "__metadata__"

  private static func damaged(_ file: MappedFile, _ what: String) -> WeightError {
    WeightError("\(file.path) is not a whole safetensors file: \(what): export or copy it again.")
  }

  /// - Returns: the header, and the byte at which the tensors begin.
  private static func header(of file: MappedFile) throws(WeightError) -> (object: [String: Any], start: Int) {
    var reader = ByteReader(file.bytes, or: damaged(file, "it ends within its header"))
    let header = Data(try reader.take(try reader.index(UInt64.self)))
    guard let object = try? JSONSerialization.jsonObject(with: header) as? [String: Any] else {
      throw damaged(file, "its header is not JSON")
    }
    return (object, reader.position)
  }

  /// The tensors of a file in the order in which they lie there.
  static func entries(of file: MappedFile) throws(WeightError) -> [WeightEntry] {
    func damaged(_ what: String) -> WeightError { Self.damaged(file, what) }
    let (object, start) = try header(of: file)
    var entries: [(place: Int, entry: WeightEntry)] = []
    for (name, value) in object where name != metadataName {
      guard let fields = value as? [String: Any], let dtype = fields["dtype"] as? String, let shape = fields["shape"] as? [Int],
        let offsets = fields["data_offsets"] as? [Int], offsets.count == 2
      else { throw damaged("the entry of tensor \"\(name)\" is incomplete") }
      guard let type = ElementType(rawValue: dtype) else {
        throw WeightError("\(file.path): tensor \"\(name)\" has type \(dtype), which is not read: convert it to F32.")
      }
      let outside = damaged("tensor \"\(name)\" of shape \(shape) does not lie in the file")
      guard offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= file.count - start, let count = product(shape),
        product([count, type.size]) == offsets[1] - offsets[0]
      else { throw outside }
      let range = start + offsets[0]..<start + offsets[1]
      guard
        let entry = WeightEntry(name: name, type: type, shape: shape, strides: rowMajor(shape), first: 0, in: range)
      else { throw outside }
      entries.append((offsets[0], entry))
    }
    return entries.sorted { ($0.place, $0.entry.name) < ($1.place, $1.entry.name) }.map(\.entry)
  }

  private static func rowMajor(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] &* shape[axis + 1] }
    return strides
  }

  // MARK: Writing

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
    let tensors = tensors.sorted { $0.name < $1.name }, temporary = path + ".tmp"
    do {
      let file = try createFile(temporary)
      defer { close(file) }
      try writeAll(Array(header(tensors, metadata)), to: file, temporary)
      for tensor in tensors { try writeAll(Array(try bytes(of: tensor)), to: file, temporary) }
      try synchronize(temporary)
      try moveDurably(temporary, to: path)
    } catch {
      unlink(temporary)
      throw error as? WeightError ?? WeightError("\(error)")
    }
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
