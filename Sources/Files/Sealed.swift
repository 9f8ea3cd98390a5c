// JSON files that carry the checksum of all their own bytes, so that any damage to them is noticed before they are believed.
// The file is {"checksum" : "crc32:89abcdef", "content" : ...}; the checksum is taken with zeros in place of its eight digits.

import Foundation

private let marker = Array("crc32:".utf8)
private let blank = Array("00000000".utf8)

private struct Envelope<Content: Codable>: Codable {
  var checksum = String(decoding: marker + blank, as: UTF8.self)
  var content: Content
}

/// The sealed JSON of `content`, keys sorted: the same content gives the same bytes.
public func seal<Content: Codable>(_ content: Content) throws(FileError) -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  var bytes: [UInt8]
  do {
    bytes = Array(try encoder.encode(Envelope(content: content))) + [UInt8(ascii: "\n")]
  } catch {
    throw FileError("Cannot write \(Content.self) as JSON: \(error). Look for a number that is not finite.")
  }
  guard let digits = digits(in: bytes) else { fatalError("seal: the encoder wrote no checksum field first") }
  bytes.replaceSubrange(digits, with: hexadecimal(checksum(of: bytes)).utf8)
  return bytes
}

/// The content of sealed JSON; `path` names it in errors.
public func unseal<Content: Codable>(_ bytes: [UInt8], as type: Content.Type, path: String) throws(FileError) -> Content {
  var blanked = bytes
  guard let digits = digits(in: bytes) else {
    throw FileError("\(path) is damaged or not one of Cohort's files: it has no checksum. Restore it or make it again.")
  }
  blanked.replaceSubrange(digits, with: blank)
  guard Array(hexadecimal(checksum(of: blanked)).utf8) == Array(bytes[digits]) else {
    throw FileError("\(path) is damaged: its checksum does not match its content. Restore it or make it again.")
  }
  do {
    return try JSONDecoder().decode(Envelope<Content>.self, from: Data(bytes)).content
  } catch {
    throw FileError(
      "\(path) was written by another version: \(decodingReason(error)). Read it with that version or make it again.")
  }
}

/// Eight hexadecimal digits.
public func hexadecimal(_ value: UInt32) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 8 - digits.count) + digits
}

/// The place of the checksum's digits: after the first marker, near the start because its key sorts first.
private func digits(in bytes: [UInt8]) -> Range<Int>? {
  let head = bytes.prefix(64)
  guard let start = head.indices.first(where: { head[$0...].starts(with: marker) }) else { return nil }
  let digits = start + marker.count..<start + marker.count + blank.count
  return digits.upperBound <= bytes.count ? digits : nil
}
