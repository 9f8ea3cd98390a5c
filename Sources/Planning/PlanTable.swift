// A table of a plans or fingerprint file while it is read: every value by its key and kind, and no key that nobody asked for. Errors name the file and
// the key.

import Files
import Foundation
import Preparation
import Settings

final class PlanTable {
  /// The file, and the place in it, for errors.
  let path, place: String
  private let rows: [String: PlanJSON]
  private var asked: Set<String> = []

  init(_ value: PlanJSON, path: String, place: String = "") throws(PreparationError) {
    guard case .table(let rows) = value else {
      throw PreparationError(
        "\(path): \(place.isEmpty ? "its content" : place) is no table of keys and values: make the plan again.")
    }
    (self.path, self.place) = (path, place)
    self.rows = Dictionary(rows.map { ($0.key, $0.value) }) { $1 }
  }

  /// The same table with what it leaves out taken from `parent`, and what that inherits from.
  func inheriting(from parent: PlanTable) throws(PreparationError) -> PlanTable {
    var all = parent.rows
    for (key, value) in rows where key != "inherits_from" { all[key] = value }
    return try PlanTable(.table(all.map { ($0.key, $0.value) }), path: path, place: place)
  }

  /// The table that a file holds.
  convenience init(file path: String) throws(PreparationError) {
    let bytes: [UInt8]
    do throws(FileError) { bytes = try readAll(path, atMost: 64 << 20) } catch { throw PreparationError(error.description) }
    try self.init(bytes, path: path)
  }

  /// The table in the bytes of a file.
  convenience init(_ bytes: [UInt8], path: String) throws(PreparationError) {
    guard let value = try? JSONDecoder().decode(PlanJSON.self, from: Data(bytes)) else {
      throw PreparationError(
        "\(path) is not valid JSON: check it for a missing comma, quote or brace, and for numbers such as NaN.")
    }
    try self.init(value, path: path)
  }

  var keys: [String] { rows.keys.sorted() }

  func has(_ key: String) -> Bool { rows[key] != nil && rows[key] != .null }

  /// Takes note of keys that mean nothing here.
  func ignore(_ keys: [String]) { asked.formUnion(keys) }

  func value(_ key: String) throws(PreparationError) -> PlanJSON {
    asked.insert(key)
    guard let value = rows[key] else { throw PreparationError("\(path) has no \(named(key)): make the plan again.") }
    return value
  }

  func text(_ key: String) throws(PreparationError) -> String {
    guard case .text(let text) = try value(key) else { throw wrong(key, "a text") }
    return text
  }

  func boolean(_ key: String) throws(PreparationError) -> Bool {
    guard case .boolean(let value) = try value(key) else { throw wrong(key, "true or false") }
    return value
  }

  func number(_ key: String) throws(PreparationError) -> Double {
    guard let value = try value(key).double else { throw wrong(key, "a number") }
    return value
  }

  func integer(_ key: String) throws(PreparationError) -> Int {
    guard let value = Self.whole(try value(key)) else { throw wrong(key, "a whole number") }
    return value
  }

  func list(_ key: String) throws(PreparationError) -> [PlanJSON] {
    guard case .list(let items) = try value(key) else { throw wrong(key, "a list") }
    return items
  }

  func texts(_ key: String) throws(PreparationError) -> [String] {
    let items = try list(key), texts = items.compactMap { if case .text(let text) = $0 { text } else { nil } }
    guard texts.count == items.count else { throw wrong(key, "a list of texts") }
    return texts
  }

  func booleans(_ key: String) throws(PreparationError) -> [Bool] {
    let items = try list(key), found = items.compactMap { if case .boolean(let value) = $0 { value } else { nil } }
    guard found.count == items.count else { throw wrong(key, "a list of true and false") }
    return found
  }

  func numbers(_ key: String) throws(PreparationError) -> [Double] { try numbers(try value(key), key) }
  func integers(_ key: String) throws(PreparationError) -> [Int] { try integers(try value(key), key) }

  func numberRows(_ key: String) throws(PreparationError) -> [[Double]] {
    var rows: [[Double]] = []
    for row in try list(key) { rows.append(try numbers(row, key)) }
    return rows
  }

  func integerRows(_ key: String) throws(PreparationError) -> [[Int]] {
    var rows: [[Int]] = []
    for row in try list(key) { rows.append(try integers(row, key)) }
    return rows
  }

  func table(_ key: String) throws(PreparationError) -> PlanTable {
    try PlanTable(try value(key), path: path, place: named(key))
  }

  /// Error: a key that nobody asked for.
  func finish() throws(PreparationError) {
    guard let unknown = keys.first(where: { !asked.contains($0) }) else { return }
    let near = nearestName(to: unknown, among: Array(asked).sorted()).map { " (the nearest that is known: \($0))" } ?? ""
    throw PreparationError(
      "\(path) has the key \(named(unknown)), which nnU-Net 2.2 and 2.8 do not write\(near): correct or remove it.")
  }

  /// An error about the value of a key.
  /// - Parameter wanted: what it must be.
  func wrong(_ key: String, _ wanted: String) -> PreparationError {
    PreparationError("\(path): \(named(key)) is not \(wanted): correct it, or make the plan again.")
  }

  func named(_ key: String) -> String { place.isEmpty ? key : "\(place).\(key)" }

  private func numbers(_ value: PlanJSON, _ key: String) throws(PreparationError) -> [Double] {
    guard case .list(let items) = value, items.allSatisfy({ $0.double != nil }) else { throw wrong(key, "a list of numbers") }
    return items.compactMap(\.double)
  }

  private func integers(_ value: PlanJSON, _ key: String) throws(PreparationError) -> [Int] {
    guard case .list(let items) = value, items.allSatisfy({ Self.whole($0) != nil }) else {
      throw wrong(key, "a list of whole numbers")
    }
    return items.compactMap(Self.whole)
  }

  private static func whole(_ value: PlanJSON) -> Int? { value.double.flatMap { Int(exactly: $0) } }
}
