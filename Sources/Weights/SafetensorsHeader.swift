// The header of a safetensors file, {name: {dtype, shape, data_offsets}, __metadata__: texts}, read in one pass and strictly: it is JSON, but
// nothing else than this may stand in it, no name twice, and no number that is not whole.

import Foundation

struct SafetensorsHeader {
  /// A tensor as it is declared.
  struct Entry {
    let name: String
    let type: String
    let shape: [Int]
    /// Where it begins and ends, in bytes from the end of the header.
    let offsets: [Int]
  }
  private(set) var entries: [Entry] = []
  /// Texts about the tensors.
  private(set) var metadata: [String: String] = [:]

  /// - Parameter damaged: makes the error for what is wrong.
  init(_ bytes: UnsafeRawBufferPointer, _ damaged: @escaping (_ what: String) -> WeightError) throws(WeightError) {
    var scanner = HeaderScanner(bytes, damaged), names: Set<String> = []
    try scanner.object { (scanner, name) throws(WeightError) in
      guard names.insert(name).inserted else { throw damaged("it declares \"\(name)\" twice") }
      guard name == "__metadata__" else {
        entries.append(try Self.entry(name, &scanner, damaged))
        return
      }
      try scanner.object { (scanner, key) throws(WeightError) in metadata[key] = try scanner.text() }
    }
    try scanner.end()
  }

  private static func entry(
    _ name: String, _ scanner: inout HeaderScanner, _ damaged: (String) -> WeightError
  ) throws(WeightError) -> Entry {
    var type: String?, shape: [Int]?, offsets: [Int]?
    let wrong = damaged("the entry of tensor \"\(name)\" is not its dtype, shape and data_offsets")
    do throws(WeightError) {
      try scanner.object { (scanner, field) throws(WeightError) in
        switch field {
        case "dtype" where type == nil: type = try scanner.text()
        case "shape" where shape == nil: shape = try scanner.integers()
        case "data_offsets" where offsets == nil: offsets = try scanner.integers()
        default: throw wrong
        }
      }
    } catch { throw wrong }
    guard let type, let shape, let offsets, offsets.count == 2 else { throw wrong }
    return Entry(name: name, type: type, shape: shape, offsets: offsets)
  }
}

/// Reads the few kinds of JSON that a header has, and never beyond its end.
private struct HeaderScanner {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private let damaged: (String) -> WeightError
  private static let spaces: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]

  init(_ bytes: UnsafeRawBufferPointer, _ damaged: @escaping (String) -> WeightError) {
    (self.bytes, self.damaged) = (bytes, damaged)
  }

  private var malformed: WeightError { damaged("its header is not the JSON of the format at byte \(position)") }

  /// The next byte that is no space, without passing it; nil at the end.
  private mutating func peek() -> UInt8? {
    while position < bytes.count, Self.spaces.contains(bytes[position]) { position += 1 }
    return position < bytes.count ? bytes[position] : nil
  }

  /// Passes `character` if it comes next.
  private mutating func passes(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(WeightError) {
    guard passes(character) else { throw malformed }
  }

  /// Nothing but spaces may follow.
  mutating func end() throws(WeightError) {
    guard peek() == nil else { throw malformed }
  }

  /// Reads an object; `member` reads the value of each key.
  mutating func object(
    _ member: (_ scanner: inout HeaderScanner, _ key: String) throws(WeightError) -> Void
  ) throws(WeightError) {
    try expect("{")
    if passes("}") { return }
    repeat {
      let key = try text()
      try expect(":")
      try member(&self, key)
    } while passes(",")
    try expect("}")
  }

  /// Reads a list of whole numbers of 0 or more.
  mutating func integers() throws(WeightError) -> [Int] {
    try expect("[")
    var numbers: [Int] = []
    if passes("]") { return numbers }
    repeat {
      _ = peek()
      let digits = bytes[position...].prefix { (0x30...0x39).contains($0) }
      guard let number = Int(String(decoding: digits.prefix(20), as: UTF8.self)), digits.count <= 19 else { throw malformed }
      position += digits.count
      numbers.append(number)
    } while passes(",")
    try expect("]")
    return numbers
  }

  /// Reads a text, whose escapes are left to the JSON decoder.
  mutating func text() throws(WeightError) -> String {
    try expect("\"")
    let start = position
    var isPlain = true
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      if bytes[position] == UInt8(ascii: "\\") {
        isPlain = false
        position += 1
      }
      position += 1
    }
    guard position < bytes.count else { throw malformed }
    defer { position += 1 }
    if isPlain {
      guard let text = String(validating: bytes[start..<position], as: UTF8.self) else { throw malformed }
      return text
    }
    guard let text = try? JSONDecoder().decode(String.self, from: Data(bytes[start - 1...position])) else { throw malformed }
    return text
  }
}
