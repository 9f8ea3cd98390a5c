// How the values of settings are written: single values. Lists are in ListFormats.swift.

/// A way of writing values of one type, and which of them are allowed.
public struct SettingFormat<Value: Sendable>: Sendable {
  /// The allowed values as a phrase that follows "must be": "a whole number from 1 to 9".
  public let allowed: String
  /// All values there are; empty where they cannot be listed.
  public let choices: [String]
  /// The value of a text; nil for a text that is not allowed.
  public let read: @Sendable (String) -> Value?
  /// The normal form of a value, which `read` reads back.
  public let write: @Sendable (Value) -> String

  public init(
    _ allowed: String, choices: [String] = [], read: @escaping @Sendable (String) -> Value?,
    write: @escaping @Sendable (Value) -> String
  ) {
    (self.allowed, self.choices, self.read, self.write) = (allowed, choices, read, write)
  }

  /// The same texts for values of another type.
  /// - Parameters:
  ///   - allowed: the phrase for the values that `convert` leaves; nil keeps the old one.
  ///   - convert: gives nil for values that are not allowed.
  public func mapped<Other>(
    allowed: String? = nil, _ convert: @escaping @Sendable (Value) -> Other?, back: @escaping @Sendable (Other) -> Value
  ) -> SettingFormat<Other> {
    SettingFormat<Other>(
      allowed ?? self.allowed, read: { [read] in read($0).flatMap(convert) }, write: { [write] in write(back($0)) })
  }

  /// Makes a format that also takes no value at all.
  public static func optional<Wrapped>(_ format: SettingFormat<Wrapped>) -> Self where Value == Wrapped? {
    Self(
      format.allowed + ", or nothing", read: { $0.isEmpty ? .some(nil) : format.read($0).map(Optional.some) },
      write: { $0.map(format.write) ?? "" })
  }
}

extension SettingFormat where Value: FixedWidthInteger {
  /// A whole number. A range up to `Int.max` is shown as one without end.
  public static func integer(in range: ClosedRange<Value>) -> Self {
    let isOpen = range.upperBound >= Value(clamping: Int.max)
    return Self(
      "a whole number " + (isOpen ? "of \(range.lowerBound) or more" : "from \(range.lowerBound) to \(range.upperBound)"),
      read: { text in Value(text).flatMap { range.contains($0) ? $0 : nil } }, write: { String($0) })
  }
}

extension SettingFormat where Value == Double {
  /// A number. A range up to the greatest finite number is shown as one without end.
  public static func number(in range: ClosedRange<Double>) -> Self {
    let isOpen = range.upperBound == .greatestFiniteMagnitude, (first, last) = (short(range.lowerBound), short(range.upperBound))
    return Self(
      "a number " + (isOpen ? "of \(first) or more" : "from \(first) to \(last)"),
      // Zero is added because -0 is 0.
      read: { text in Double(text).flatMap { range.contains($0) ? $0 + 0 : nil } }, write: { String($0) })
  }

  private static func short(_ number: Double) -> String {
    let text = String(number)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

extension SettingFormat where Value == Bool {
  public static var flag: Self {
    Self("true or false", choices: ["true", "false"], read: { Bool($0) }, write: { String($0) })
  }
}

extension SettingFormat where Value == String {
  /// Any text but the empty one.
  public static var text: Self { Self("a text", read: { $0.isEmpty ? nil : $0 }, write: { $0 }) }

  public static func name(among names: [String]) -> Self {
    Self("one of \(names.joined(separator: ", "))", choices: names, read: { names.contains($0) ? $0 : nil }, write: { $0 })
  }
}

extension SettingFormat where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  public static var choice: Self {
    let names = Value.allCases.map(\.rawValue)
    return Self(
      "one of \(names.joined(separator: ", "))", choices: names, read: { Value(rawValue: $0) }, write: { $0.rawValue })
  }
}
