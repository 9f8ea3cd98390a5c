// A method as a comparison names it: with what its run file sets besides.

import Foundation

/// A comparison cannot be made as asked.
public struct ComparisonError: Error, CustomStringConvertible, Sendable {
  public let description: String
  init(_ description: String) { self.description = description }
}

/// `NAME`, `NAME:key=value:key=value` with keys of a run file, each with `+KIND` for pseudo-labels of that kind: `mean-teacher+registration`.
public struct MethodChoice: Sendable, Hashable {
  /// As it was written.
  public let title: String
  /// `key=value`, as on the command line of a training.
  let overrides: [String]

  public init(_ text: String) throws(ComparisonError) {
    let halves = text.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    let words = halves[0].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard halves.count <= 2, !halves.contains(""), words[0] != "", words.dropFirst().allSatisfy({ $0.contains("=") }) else {
      throw ComparisonError(
        "\(text) is no method: write NAME, NAME:key=value with keys of a run file, or NAME+registration for pseudo-labels.")
    }
    title = text
    overrides = ["method=\(words[0])"] + words.dropFirst() + halves.dropFirst().map { "pseudoLabels=\($0)" }
  }

  /// The part of a folder's name that tells methods apart.
  var folder: String { String(title.map { $0 == "/" || $0.isWhitespace ? "-" : $0 }) }
}
