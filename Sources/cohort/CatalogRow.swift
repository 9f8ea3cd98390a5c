// How a catalogue of methods or networks is printed, as text or JSON.

import Settings

/// One entry of a catalogue with its options.
struct CatalogRow: Encodable {
  let name: String
  let summary: String
  let options: SettingList

  init(_ name: String, _ summary: String, _ options: [any SettingDescription], prefix: String = "") {
    (self.name, self.summary, self.options) = (name, summary, SettingList(options, prefix: prefix))
  }

  /// The entry with its options.
  var text: String { "\(name)  \(summary)\n" + (options.isEmpty ? "no options\n" : "\n" + options.text) }

  /// Names and summaries; JSON has the options too.
  /// - Parameter hint: how to see the options of one.
  static func print(_ rows: [CatalogRow], json: Bool, hint: String) throws {
    if json { return try printJSON(rows) }
    for row in rows { Swift.print("\(row.name)  \(row.summary)") }
    Swift.print("\n\(hint)")
  }
}

/// Prints the settings of a table whose name or help holds `pattern`.
/// - Parameters:
///   - what: what the table belongs to, for messages: "a run file".
///   - command: lists the whole table.
func printSettings(_ table: [any SettingDescription], matching pattern: String?, json: Bool, of what: String, command: String)
  throws
{
  let list = SettingList(table, matching: pattern)
  guard !list.isEmpty else {
    throw SettingsError("no key of \(what) has \"\(pattern ?? "")\" in its name or help: `\(command)` prints all.")
  }
  if json { try printJSON(list) } else { print(list.text, terminator: "") }
}
