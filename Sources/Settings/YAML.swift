// Settings in YAML: nested keys become dotted names, lists become texts.

import Yams

/// The settings in a YAML text, by dotted name: `{a: {b: 1}}` gives "a.b": "1". Values are not checked.
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
