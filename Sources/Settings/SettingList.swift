// Settings for people: the one listing of keys and options, as text and as JSON.

/// A table of settings, or the part of it that a user asked for.
public struct SettingList: Encodable {
  fileprivate struct Row: Encodable {
    let name: String
    /// The default in normal form; nil where the setting must be given.
    let defaultValue: String?
    let allowed: String
    let choices: [String]
    let help: String
    let aliases: [String]
    let changesResults: Bool

    enum CodingKeys: String, CodingKey {
      case name, allowed, choices, help, aliases, changesResults
      case defaultValue = "default"
    }
  }
  private let rows: [Row]

  /// - Parameters:
  ///   - pattern: part of the names or helps to list, upper and lower case alike; nil lists all.
  ///   - prefix: what stands before a name where the user writes it.
  public init(_ table: [any SettingDescription], matching pattern: String? = nil, prefix: String = "") {
    let part = pattern?.lowercased() ?? ""
    rows = table.map { setting in
      Row(
        name: prefix + setting.name, defaultValue: setting.defaultText, allowed: setting.allowed, choices: setting.choices,
        help: setting.help, aliases: setting.aliases, changesResults: setting.changesResults)
    }.filter { row in part.isEmpty || [row.name, row.help].contains { $0.lowercased().contains(part) } }
  }

  public var isEmpty: Bool { rows.isEmpty }

  public func encode(to encoder: any Encoder) throws { try rows.encode(to: encoder) }

  /// The listing: for each setting a line with the default, and below it what it means and which values it takes.
  public var text: String { rows.map(\.text).joined() }

  /// The same as a table in Markdown, a row for each setting.
  public var markdown: String {
    "| key | default | what it is, and what it takes |\n| --- | --- | --- |\n" + rows.map(\.markdown).joined()
  }
}

extension SettingList.Row {
  fileprivate var text: String {
    let value = defaultValue.map { $0.isEmpty ? "(nothing)" : $0 } ?? "(must be given)"
    return "\(name): \(value)\n" + wrapped(help) + wrapped(facts)
  }

  fileprivate var markdown: String {
    let value = defaultValue.map { $0.isEmpty ? "nothing" : "`\($0)`" } ?? "must be given"
    return "| `\(name)` | \(value) | \((help + " " + facts).replacing("|", with: "\\|")) |\n"
  }

  private var facts: String {
    var facts = "Takes \(allowed)."
    if !aliases.isEmpty { facts += " Also read as \(aliases.joined(separator: ", "))." }
    if !changesResults { facts += " May change when a run continues." }
    return facts
  }

  /// Lines of at most 100 characters, indented.
  private func wrapped(_ text: String) -> String {
    var lines = [""]
    for word in text.split(separator: " ") {
      if lines[lines.count - 1].count + word.count > 95 { lines.append("") }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines.map { "    \($0)\n" }.joined()
  }
}
