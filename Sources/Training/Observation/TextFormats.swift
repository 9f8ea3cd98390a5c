// Numbers, times and counts as people read them.

import Foundation

extension Double {
  /// The number with a fixed number of decimals, without locale.
  public func formatted(decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
}

extension Duration {
  public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// Seconds as 1:05:09 or 5:09; "forever" for more than can be counted.
public func clockTime(_ seconds: Double) -> String {
  guard let whole = Int(exactly: seconds.rounded()) else { return "forever" }
  return whole >= 3600
    ? String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
    : String(format: "%d:%02d", whole / 60, whole % 60)
}

/// A count with its noun: "1 rank", "3 ranks".
public func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// The parts of a text that end with a semicolon or a comma.
func parts(of text: String) -> [Substring] { text.matches(of: /(\S.*?[;,]) |(\S.*)$/).map { $0.output.1 ?? $0.output.2! } }

/// Parts of a text in lines of at most `width` characters, all but the first indented. A part that is longer stays whole.
func folded(_ parts: [Substring], width: Int) -> [String] {
  parts.reduce(into: []) { lines, part in
    if let last = lines.last, last.count + 1 + part.count <= width {
      lines[lines.count - 1] += " " + part
    } else {
      lines.append((lines.isEmpty ? "" : "  ") + part)
    }
  }
}

extension String {
  /// As a field of a table with commas: in quotation marks where it holds one of them or a comma.
  var quotedField: String {
    contains { ",\"".contains($0) } ? "\"" + replacing("\"", with: "\"\"") + "\"" : self
  }
}
