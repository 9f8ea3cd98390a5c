// What people must know about their files although the work can go on: header slips and how they were read, labels that are lost, cases that
// stand out.

/// One sentence that names the file or case, gives the numbers and ends with what to do.
public struct DataWarning: Sendable, Hashable, Codable, CustomStringConvertible {
  /// What it is about; warnings of one kind are listed together.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    case spacing, orientation, labelOrigin, lostLabel, missingClass, outlier
  }

  public let kind: Kind
  public let description: String

  public init(_ kind: Kind, _ description: String) { (self.kind, self.description) = (kind, description) }
}

/// The lines to print: of each kind at most `limit` sentences and the number of the others, since one program writes the same slip into every file
/// of a data set.
public func listed(_ warnings: [DataWarning], limit: Int = 5) -> [String] {
  DataWarning.Kind.allCases.flatMap { kind -> [String] in
    let sentences = warnings.filter { $0.kind == kind }.map(\.description)
    guard sentences.count > limit + 1 else { return sentences }
    return sentences.prefix(limit) + ["... and \(sentences.count - limit) more such warnings."]
  }
}
