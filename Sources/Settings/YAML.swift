// Settings in YAML: nested keys become dotted names, lists become texts, lists of named entries become their names and keys below them.

import Yams

/// The settings in a YAML text, by dotted name: `{a: {b: 1}}` gives "a.b": "1", and `{a: [{name: n, b: 1}]}` gives "a": "[n]" and "a.n.b": "1".
/// Values are not checked.
/// - Parameters:
///   - table: settings whose aliases are replaced by their names.
///   - source: the file's name, for messages.
public func flattened(
  yaml: String, of table: [any SettingDescription], source: String
) throws(SettingsError) -> [String: String] {
  let node: Node?
  do { node = try Yams.compose(yaml: yaml) } catch {
    let reason = "\(error)".split(separator: "\n").first.map(String.init) ?? "syntax error"
    throw SettingsError("\(source) is not valid YAML (\(reason)): write one `key: value` a line.")
  }
  guard let mapping = node?.mapping else {
    throw SettingsError("\(source) holds no settings: write one `key: value` a line.")
  }
  var names: [String: String] = [:]
  for setting in table { for alias in setting.aliases { names[alias] = setting.name } }
  var flat: [String: String] = [:]
  try add(mapping, prefix: "", to: &flat, names, source)
  return flat
}

private func add(
  _ mapping: Node.Mapping, prefix: String, to flat: inout [String: String], _ names: [String: String], _ source: String
) throws(SettingsError) {
  for (keyNode, value) in mapping {
    let key = prefix + (keyNode.string ?? ""), text: String
    switch value {
    case .mapping(let inner):
      try add(inner, prefix: key + ".", to: &flat, names, source)
      continue
    case .scalar(let scalar): text = scalar.string
    case .sequence(let sequence) where !sequence.isEmpty && sequence.allSatisfy({ $0.mapping != nil }):
      text = ListText.joined(try addEntries(sequence.compactMap(\.mapping), of: key, to: &flat, names, source))
    case .sequence(let sequence):
      let parts = sequence.compactMap(\.scalar?.string)
      guard parts.count == sequence.count else {
        throw SettingsError("\(source): \(key) must be a plain list, for example [1, 2, 3].")
      }
      text = ListText.joined(parts)
    case .alias: throw SettingsError("\(source): \(key) uses a YAML alias: write the value out.")
    }
    let name = names[key] ?? key
    guard flat[name] == nil else { throw SettingsError("\(source): the key \(name) is given twice: keep one.") }
    flat[name] = text
  }
}

/// Adds a list of entries that have a name each.
/// - Returns: the names.
private func addEntries(
  _ entries: [Node.Mapping], of key: String, to flat: inout [String: String], _ aliases: [String: String], _ source: String
) throws(SettingsError) -> [String] {
  var names: [String] = []
  for entry in entries {
    guard let name = entry["name"]?.string, !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || "-_".contains($0) })
    else {
      throw SettingsError(
        "\(source): every entry of \(key) needs a name of letters, digits, - and _: write `- name: NAME` first.")
    }
    guard !names.contains(name) else {
      throw SettingsError("\(source): \(key) has two entries with the name \(name): rename one.")
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
