// Tables of text with a header, separated by commas (RFC 4180): a value in double quotes may hold commas, and "" stands for a quote.

import Files
import Foundation

/// The rows of a table by the names of its columns.
public struct DelimitedTable: Sendable {
  public let columns: [String]
  /// The line of each row in the file, from 1, and its values, as many as columns.
  public let rows: [(line: Int, values: [String])]

  /// Errors: no header, a column named twice, a row that is longer or shorter than the header, a quote that is not closed; with path and line.
  public init(_ text: String, path: String) throws(VolumeError) {
    var lines: [(Int, [String])] = []
    let ending = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
    for (number, line) in ending.split(separator: /\r\n|\n|\r/, omittingEmptySubsequences: false).enumerated() {
      if line.allSatisfy(\.isWhitespace) { continue }
      guard let values = Self.values(line) else {
        throw VolumeError("\(path), line \(number + 1): a double quote is not closed: close it, or write \"\" for a quote.")
      }
      lines.append((number + 1, values.map { $0.trimmingCharacters(in: .whitespaces) }))
    }
    guard let header = lines.first?.1 else { throw VolumeError("\(path) is empty: its first line names the columns.") }
    for (position, name) in header.enumerated() where header[..<position].contains(name) {
      throw VolumeError("\(path) names the column \"\(name)\" twice: give each its own name.")
    }
    for (line, values) in lines.dropFirst() where values.count != header.count {
      throw VolumeError("\(path), line \(line): \(values.count) values where the header has \(header.count): mend the row.")
    }
    columns = header
    rows = lines.dropFirst().map { (line: $0.0, values: $0.1) }
  }

  /// The values of a line; nil if a quote is not closed.
  private static func values(_ line: Substring) -> [String]? {
    var values: [String] = [], value = "", isQuoted = false, wasQuote = false
    for character in line {
      if character == "\"" {
        if isQuoted {
          (isQuoted, wasQuote) = (false, true)
        } else {
          if wasQuote { value.append("\"") }
          (isQuoted, wasQuote) = (true, false)
        }
      } else if character == ",", !isQuoted {
        values.append(value)
        (value, wasQuote) = ("", false)
      } else {
        value.append(character)
        wasQuote = false
      }
    }
    return isQuoted ? nil : values + [value]
  }

  /// A value as it is written into such a table.
  public static func quoted(_ value: String) -> String {
    value.contains(where: { "\",\n\r".contains($0) }) ? "\"" + value.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : value
  }
}
