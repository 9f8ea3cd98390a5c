// The lines of a text file as bytes, one after the other, however large the file is and whatever damage it has taken.

import Foundation

/// A line without its end.
public struct FileLine {
  public var bytes: ArraySlice<UInt8>
  /// Whether all of it is here: of a line of more than 16 MiB there is only the beginning.
  public var isWhole: Bool
  /// Whether a line end follows; not so where a file was cut off.
  public var isEnded: Bool

  /// The longest line, in bytes.
  static let limit = 16 << 20
}

/// Calls `body` with each line of a plain file.
/// - Throws: where the file cannot be read, after the lines before that place.
public func forEachLine(of path: String, _ body: (FileLine) throws(FileError) -> Void) throws(FileError) {
  let (descriptor, _) = try openPlainFile(path)
  defer { close(descriptor) }
  var line: [UInt8] = [], isWhole = true, chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else { throw FileError("read", path) }
    guard count > 0 else { break }
    var rest = chunk[..<count]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      add(rest[..<end])
      try body(FileLine(bytes: line[...], isWhole: isWhole, isEnded: true))
      (line, isWhole) = ([], true)
      rest = rest[(end + 1)...]
    }
    add(rest)
  }
  if !line.isEmpty { try body(FileLine(bytes: line[...], isWhole: isWhole, isEnded: false)) }

  func add(_ piece: ArraySlice<UInt8>) {
    let room = FileLine.limit - line.count
    line += piece.prefix(room)
    isWhole = isWhole && piece.count <= room
  }
}
