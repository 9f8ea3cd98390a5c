// JSON as plans hold it: whole numbers and others are told apart, keys keep their order, and the text is laid out as Python's json module does with an
// indent of four, so that a plan looks like one of nnU-Net.

import Foundation

package enum PlanJSON: Equatable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([PlanJSON])
  case table([(key: String, value: PlanJSON)])

  /// Tables are the same whatever the order of their keys, and numbers whatever their kind.
  package static func == (a: PlanJSON, b: PlanJSON) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.boolean(let a), .boolean(let b)): a == b
    case (.text(let a), .text(let b)): a == b
    case (.list(let a), .list(let b)): a == b
    case (.table(let a), .table(let b)):
      a.count == b.count && Dictionary(a.map { ($0.key, $0.value) }) { $1 } == Dictionary(b.map { ($0.key, $0.value) }) { $1 }
    default: a.double != nil && a.double == b.double
    }
  }

  package var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  static func integers(_ values: [Int]) -> PlanJSON { .list(values.map { .integer($0) }) }
  static func numbers(_ values: [Double]) -> PlanJSON { .list(values.map { .number($0) }) }

  /// The text, with a line for every value.
  package func text(indent: String = "") -> String {
    let inner = indent + "    "
    func lines(_ items: [String], _ brackets: (String, String)) -> String {
      items.isEmpty
        ? brackets.0 + brackets.1
        : brackets.0 + "\n" + items.map { inner + $0 }.joined(separator: ",\n") + "\n" + indent + brackets.1
    }
    switch self {
    case .null: return "null"
    case .boolean(let value): return value ? "true" : "false"
    case .integer(let value): return "\(value)"
    case .number(let value): return "\(value)"
    case .text(let value): return quoted(value)
    case .list(let values): return lines(values.map { $0.text(indent: inner) }, ("[", "]"))
    case .table(let rows): return lines(rows.map { "\(quoted($0.key)): \($0.value.text(indent: inner))" }, ("{", "}"))
    }
  }
}

extension PlanJSON: Decodable {
  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package init(from decoder: any Decoder) throws {
    if let table = try? decoder.container(keyedBy: Key.self) {
      self = .table(
        try table.allKeys.map { ($0.stringValue, try table.decode(PlanJSON.self, forKey: $0)) }.sorted { $0.0 < $1.0 })
      return
    }
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let found = try? value.decode(Bool.self) {
      self = .boolean(found)
    } else if let found = try? value.decode(Int.self) {
      self = .integer(found)
    } else if let found = try? value.decode(Double.self) {
      self = .number(found)
    } else if let found = try? value.decode(String.self) {
      self = .text(found)
    } else {
      self = .list(try value.decode([PlanJSON].self))
    }
  }
}

/// A JSON string: quotes, backslashes and control characters escaped, everything else as it is.
private func quoted(_ text: String) -> String {
  let escaped = text.unicodeScalars.map { scalar -> String in
    switch scalar {
    case "\"", "\\": "\\\(scalar)"
    case _ where scalar.value < 32: "\\u" + String(format: "%04x", scalar.value)
    default: String(scalar)
    }
  }
  return "\"\(escaped.joined())\""
}
