// A strict reader of Prometheus's text format, as the textfile collector takes it: every metric is one block of HELP, TYPE and
// samples, no sample twice, nothing else in the file.

import Foundation

struct PrometheusText {
  struct Refused: Error, CustomStringConvertible {
    let description: String
  }

  /// Metric → labels → value.
  private(set) var samples: [String: [[String: String]: Double]] = [:]

  init(_ text: String) throws {
    guard text.hasSuffix("\n") else { throw Refused(description: "the last line has no end") }
    var current = "", helped = ""
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if let match = line.wholeMatch(of: /# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)/) {
        helped = String(match.1)
        guard samples[helped] == nil else { throw Refused(description: "\(helped) comes twice") }
      } else if let match = line.wholeMatch(of: /# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (gauge|counter)/) {
        guard helped == match.1 else { throw Refused(description: "TYPE without HELP: \(line)") }
        current = helped
        samples[current] = [:]
      } else {
        try add(line, to: current)
      }
    }
    for (name, found) in samples where found.isEmpty { throw Refused(description: "\(name) has no sample") }
  }

  private mutating func add(_ line: String, to metric: String) throws {
    guard let match = line.wholeMatch(of: /([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)/), match.1 == metric else {
      throw Refused(description: "not a sample of \(metric): \(line)")
    }
    let values = ["+Inf": Double.infinity, "-Inf": -.infinity, "NaN": .nan]
    guard let value = values[String(match.3)] ?? Double(String(match.3)) else { throw Refused(description: "no number: \(line)") }
    let labels = try Self.labels(String(match.2 ?? ""))
    guard samples[metric]?.updateValue(value, forKey: labels) == nil else { throw Refused(description: "twice: \(line)") }
  }

  private static func labels(_ text: String) throws -> [String: String] {
    var labels: [String: String] = [:], rest = text[...]
    while !rest.isEmpty {
      guard let match = rest.prefixMatch(of: /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/) else {
        throw Refused(description: "not labels: \(text)")
      }
      // Backslashes first set aside, so that "\\n" is not taken for a line break.
      labels[String(match.1)] = String(match.2).replacing("\\\\", with: "\u{0}").replacing("\\n", with: "\n")
        .replacing("\\\"", with: "\"").replacing("\u{0}", with: "\\")
      rest = rest[match.range.upperBound...]
    }
    return labels
  }
}
