// Settings in YAML: nested keys become dotted names, lists become texts, lists of named entries become their names and keys below them.

import Foundation
import Yams

/// The settings in a YAML text, by dotted name: `{a: {b: 1}}` gives "a.b": "1", and `{a: [{name: n, b: 1}]}` gives "a": "[n]" and "a.n.b": "1".
/// Values are not checked. Refused are anchors and aliases, which let a short text stand for any amount of others, and more than
/// `mostKeys` keys.
/// - Parameters:
///   - table: settings whose aliases are replaced by their names.
///   - source: the file's name, for messages.
public func flattened(
  yaml: String, of table: [any SettingDescription], source: String
) throws(SettingsError) -> [String: String] {
  // Composing a text looks at what its aliases stand for, each of which may stand for many others: few of them, and then none, may pass.
  let aliases = yaml.split { " \t\r\n[]{},?:-".contains($0) }.count { $0.first == "*" }
  guard aliases <= 16 else { throw SettingsError("\(source) uses YAML aliases: write the values out.") }
  let parser: Parser, node: Node?
  do {
    parser = try Parser(yaml: yaml)
    node = try parser.singleRoot()
  } catch {
    let reason = "\(error)".split(separator: "\n").first.map(String.init) ?? "syntax error"
    throw SettingsError("\(source) is not valid YAML (\(shortened(reason))): write one `key: value` a line.")
  }
  guard let mapping = node?.mapping else {
    throw SettingsError("\(source) holds no settings: write one `key: value` a line.")
  }
  var names: [String: String] = [:]
  for setting in table { for alias in setting.aliases { names[alias] = setting.name } }
  var flat: [String: String] = [:]
  // Nodes know their anchors as long as the parser lives.
  try withExtendedLifetime(parser) { () throws(SettingsError) in try add(mapping, prefix: "", to: &flat, names, source) }
  return flat
}

/// A line of YAML from which `flattened` reads the text of a key back, whatever characters it has: in quotation marks where it must be.
public func yamlLine(_ key: String, _ text: String) -> String {
  let plain = "\(key): \(text)"
  if (try? flattened(yaml: plain, of: [], source: ""))?[key] == text { return plain }
  return "\(key): \(quotedYAML(text))"
}

/// A text as a YAML scalar in quotation marks.
public func quotedYAML(_ text: String) -> String {
  let escaped = text.unicodeScalars.map { scalar in
    switch scalar.value {
    case 0x22, 0x5C: "\\\(scalar)"
    // What YAML takes for controls or line ends.
    case 0..<0x20, 0x7F...0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: "\\u" + String(format: "%04x", scalar.value)
    default: String(scalar)
    }
  }
  return "\"" + escaped.joined() + "\""
}

/// The most keys that a text may have.
private let mostKeys = 10_000

private func add(
  _ mapping: Node.Mapping, prefix: String, to flat: inout [String: String], _ names: [String: String], _ source: String
) throws(SettingsError) {
  for (keyNode, value) in mapping {
    let key = prefix + (keyNode.string ?? ""), text: String
    guard flat.count < mostKeys else {
      throw SettingsError("\(source) has more than \(mostKeys) keys: leave out what is no setting.")
    }
    guard keyNode.anchor == nil, value.anchor == nil else {
      throw SettingsError("\(source): \(shortened(key)) uses a YAML anchor: write the value out.")
    }
    switch value {
    case .mapping(let inner):
      try add(inner, prefix: key + ".", to: &flat, names, source)
      continue
    case .scalar(let scalar): text = scalar.string
    case .sequence(let sequence) where !sequence.isEmpty && sequence.allSatisfy({ $0.mapping != nil }):
      text = ListText.joined(try addEntries(sequence.compactMap(\.mapping), of: key, to: &flat, names, source))
    case .sequence(let sequence):
      let parts = sequence.compactMap { $0.anchor == nil ? $0.scalar?.string : nil }
      guard parts.count == sequence.count else {
        throw SettingsError("\(source): \(shortened(key)) must be a plain list, for example [1, 2, 3].")
      }
      text = ListText.joined(parts)
    case .alias: throw SettingsError("\(source): \(shortened(key)) uses a YAML alias: write the value out.")
    }
    let name = names[key] ?? key
    guard flat[name] == nil else { throw SettingsError("\(source): the key \(shortened(name)) is given twice: keep one.") }
    flat[name] = text
  }
}

/// Adds a list of entries that have a name each.
/// - Returns: the names.
private func addEntries(
  _ entries: [Node.Mapping], of key: String, to flat: inout [String: String], _ aliases: [String: String], _ source: String
) throws(SettingsError) -> [String] {
  var names: [String] = [], known: Set<String> = []
  for entry in entries {
    guard entry.anchor == nil, let name = entry["name"]?.string, !name.isEmpty,
      name.allSatisfy({ $0.isLetter || $0.isNumber || "-_".contains($0) })
    else {
      throw SettingsError(
        "\(source): every entry of \(key) needs a name of letters, digits, - and _: write `- name: NAME` first.")
    }
    guard known.insert(name).inserted else {
      throw SettingsError("\(source): \(key) has two entries with the name \(shortened(name)): rename one.")
    }
    names.append(name)
    var rest = entry
    rest["name"] = nil
    try add(rest, prefix: "\(key).\(name).", to: &flat, aliases, source)
  }
  return names
}

extension [any SettingDescription] {
  /// The name of the setting that a key means: itself, or the one that it is an alias of.
  public func canonicalName(_ key: String) -> String { first { $0.aliases.contains(key) }?.name ?? key }
}
