// One setting: key, type, default, allowed values and help. Tables of settings are lists of descriptions; values are read by the
// setting itself, so that neither a key nor its type can be mistaken.

/// Facts about a setting that do not depend on the type of its values: enough to check texts and to explain it.
public protocol SettingDescription: Sendable {
  var name: String { get }
  /// Other names under which files may give the setting: short forms, and names of earlier versions.
  var aliases: [String] { get }
  /// One or two sentences for a person who has never seen the setting.
  var help: String { get }
  /// The values that may be given, as a phrase: "a whole number from 1 to 9".
  var allowed: String { get }
  /// All values there are; empty where they cannot be listed.
  var choices: [String] { get }
  /// The default in normal form; nil for settings that must be given.
  var defaultText: String? { get }
  /// Whether another value gives another result: such settings must stay as they are when a run continues.
  var changesResults: Bool { get }

  /// The normal form of a text, the same for all texts of one value; nil for a text that is not allowed.
  func normalized(_ text: String) -> String?
}

/// A setting whose values have a type.
public struct Setting<Value: Sendable>: SettingDescription {
  public let name: String
  public let aliases: [String]
  public let help: String
  public let changesResults: Bool
  public let format: SettingFormat<Value>
  /// The default; nil for settings that must be given.
  public let defaultValue: Value?

  public var allowed: String { format.allowed }
  public var choices: [String] { format.choices }
  public var defaultText: String? { defaultValue.map(format.write) }
  public func normalized(_ text: String) -> String? { format.read(text).map(format.write) }

  /// A setting that need not be given.
  public init(
    _ name: String, default value: Value, _ format: SettingFormat<Value>, aliases: [String] = [], changesResults: Bool = true,
    _ help: String
  ) {
    (self.name, self.format, self.aliases, self.changesResults, self.help) = (name, format, aliases, changesResults, help)
    defaultValue = value
  }

  /// A setting that must be given.
  public init(required name: String, _ format: SettingFormat<Value>, changesResults: Bool = true, _ help: String) {
    (self.name, self.format, self.changesResults, self.help) = (name, format, changesResults, help)
    (aliases, defaultValue) = ([], nil)
  }
}

extension Setting where Value: FixedWidthInteger {
  /// A whole number in a range.
  public init(
    _ name: String, default value: Value, in range: ClosedRange<Value>, aliases: [String] = [], changesResults: Bool = true,
    _ help: String
  ) {
    self.init(name, default: value, .integer(in: range), aliases: aliases, changesResults: changesResults, help)
  }
}

extension Setting where Value == Double {
  /// A number in a range.
  public init(
    _ name: String, default value: Double, in range: ClosedRange<Double>, aliases: [String] = [], changesResults: Bool = true,
    _ help: String
  ) {
    self.init(name, default: value, .number(in: range), aliases: aliases, changesResults: changesResults, help)
  }
}

extension Setting where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// A choice among the cases of an enum.
  public init(_ name: String, default value: Value, aliases: [String] = [], changesResults: Bool = true, _ help: String) {
    self.init(name, default: value, .choice, aliases: aliases, changesResults: changesResults, help)
  }
}

extension Setting where Value == String {
  /// A choice among the names of a catalogue.
  public init(
    _ name: String, default value: String, among names: [String], aliases: [String] = [], changesResults: Bool = true,
    _ help: String
  ) {
    self.init(name, default: value, .name(among: names), aliases: aliases, changesResults: changesResults, help)
  }
}
