// How a catalogue of networks or methods is printed, as text or JSON.

/// One entry of a catalogue with its options.
struct CatalogRow: Encodable {
  struct Option: Encodable {
    let name: String
    /// The default, as text.
    let standard: String
    let meaning: String
  }
  let name: String
  let summary: String
  let options: [Option]

  /// - Parameters:
  ///   - prefix: what stands before an option's name where the user writes it.
  ///   - separator: what stands between name and value there.
  static func print(_ rows: [CatalogRow], json: Bool, prefix: String, separator: String) throws {
    if json { return try printJSON(rows) }
    for row in rows {
      Swift.print("\(row.name)  \(row.summary)")
      for option in row.options { Swift.print("    \(prefix)\(option.name)\(separator)\(option.standard)  \(option.meaning)") }
    }
  }
}
