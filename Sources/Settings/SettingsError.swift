// What is wrong with a setting, in one sentence that ends with what to write.

/// A setting that cannot be taken as it was given.
public struct SettingsError: Error, CustomStringConvertible, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }

  /// - Parameters:
  ///   - known: the keys that exist, of which the nearest is named.
  ///   - source: the file or command that gave the key.
  public static func unknownKey(_ key: String, among known: [String], source: String) -> SettingsError {
    let hint = nearestName(to: key, among: known).map { "did you mean \"\($0)\"?" } ?? "leave it out."
    return SettingsError("\(source): there is no key \"\(shortened(key))\": \(hint)")
  }

  static func notAllowed(_ text: String, for setting: any SettingDescription, key: String, source: String) -> SettingsError {
    let hint = nearestName(to: text, among: setting.choices).map { ": did you mean \"\($0)\"?" } ?? "."
    return SettingsError("\(source): \(key) is \"\(shortened(text))\" but must be \(setting.allowed)\(hint)")
  }

  static func missing(_ setting: any SettingDescription, key: String, source: String) -> SettingsError {
    SettingsError("\(source) lacks the key \"\(key)\": add it. \(setting.help)")
  }
}

/// A text of a user's for a message: its beginning, if it is longer than anyone would read.
func shortened(_ text: String) -> String { text.utf8.count > 200 ? text.prefix(60) + "..." : text }
