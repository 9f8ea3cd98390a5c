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

/// A text in lines of at most `width` characters, which end with a semicolon or a comma; all but the first are indented. A clause that is longer stays
/// whole.
func folded(_ text: String, width: Int) -> String {
  var lines: [String] = []
  for clause in text.matches(of: /(\S.*?[;,]) |(\S.*)$/).map({ $0.output.1 ?? $0.output.2! }) {
    if let last = lines.last, last.count + 1 + clause.count <= width {
      lines[lines.count - 1] += " " + clause
    } else {
      lines.append((lines.isEmpty ? "" : "  ") + clause)
    }
  }
  return lines.joined(separator: "\n")
}

extension String {
  /// As a field of a table with commas: in quotation marks where it holds one of them or a comma.
  var quotedField: String {
    contains { ",\"".contains($0) } ? "\"" + replacing("\"", with: "\"\"") + "\"" : self
  }
}
