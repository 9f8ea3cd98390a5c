// Values of the settings of one table: checked as a whole when they are made, read by setting afterwards.

/// The values of a table's settings. Settings that were not given have their defaults.
public struct SettingValues: Sendable {
  public let table: [any SettingDescription]
  /// The texts that were given, in normal form, by the setting's name.
  public let given: [String: String]

  /// Checks texts against a table.
  /// - Parameters:
  ///   - texts: by the setting's name.
  ///   - source: the file or command that gave them, for messages.
  ///   - prefix: what stands before a name where the user writes it.
  public init(
    _ texts: [String: String], of table: [any SettingDescription], source: String, prefix: String = ""
  ) throws(SettingsError) {
    let names = table.map { $0.name }
    for name in texts.keys.sorted() where !names.contains(name) {
      throw .unknownKey(prefix + name, among: names.map { prefix + $0 }, source: source)
    }
    var given: [String: String] = [:]
    for setting in table {
      guard let text = texts[setting.name] else {
        guard setting.defaultText != nil else { throw .missing(setting, key: prefix + setting.name, source: source) }
        continue
      }
      guard let normal = setting.normalized(text) else {
        throw .notAllowed(text, for: setting, key: prefix + setting.name, source: source)
      }
      given[setting.name] = normal
    }
    (self.table, self.given) = (table, given)
  }

  /// The value of a setting of the table.
  public subscript<Value>(_ setting: Setting<Value>) -> Value {
    guard table.contains(where: { $0.name == setting.name }) else {
      fatalError("the setting \(setting.name) is read but not listed in its table: add it there")
    }
    if let text = given[setting.name], let value = setting.format.read(text) { return value }
    guard let value = setting.defaultValue else { fatalError("the setting \(setting.name) has neither a value nor a default") }
    return value
  }

  public func isGiven(_ setting: some SettingDescription) -> Bool { given[setting.name] != nil }

  /// The texts of all settings in normal form, by name, defaults included.
  public var texts: [String: String] {
    var texts = given
    for setting in table where texts[setting.name] == nil { texts[setting.name] = setting.defaultText }
    return texts
  }
}
