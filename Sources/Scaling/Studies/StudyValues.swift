// The values of a study file by key: YAML with one level, checked against the table of keys.

import Foundation
import Training
import Yams

struct StudyValues {
  private let given: [String: Node]
  private let source: String

  init(yaml: String, source: String) throws(ScalingError) {
    let node: Node?
    do { node = try Yams.compose(yaml: yaml) } catch {
      let reason = "\(error)".split(separator: "\n").first.map(String.init) ?? "syntax error"
      throw ScalingError("\(source) is not valid YAML (\(reason)): write one `key: value` a line.")
    }
    guard let mapping = node?.mapping else { throw ScalingError("\(source) holds no settings: write one `key: value` a line.") }
    var given: [String: Node] = [:]
    for (key, value) in mapping {
      let name = key.string ?? ""
      guard studyKeys.contains(where: { $0.name == name }) else {
        let nearest = nearestName(to: name, among: studyKeys.map(\.name))!
        throw ScalingError("\(source): there is no key \"\(name)\": did you mean \"\(nearest)\"?")
      }
      guard given[name] == nil else { throw ScalingError("\(source): the key \(name) is given twice: keep one.") }
      given[name] = value
    }
    (self.given, self.source) = (given, source)
  }

  func text(_ key: String) throws(ScalingError) -> String {
    if let node = given[key] {
      guard let text = node.scalar?.string else { throw wrong(key, "a single value") }
      return text
    }
    return try standard(key)
  }

  func integer(_ key: String, from least: Int) throws(ScalingError) -> Int {
    guard let number = Int(try text(key)), number >= least else { throw wrong(key, "a whole number of \(least) or more") }
    return number
  }

  func number(_ key: String, from least: Double) throws(ScalingError) -> Double {
    guard let number = Double(try text(key)), number >= least, number.isFinite else {
      throw wrong(key, "a number of \(least) or more")
    }
    return number
  }

  func choice<Choice: RawRepresentable & CaseIterable>(_ key: String) throws(ScalingError) -> Choice
  where Choice.RawValue == String {
    guard let choice = Choice(rawValue: try text(key)) else {
      throw wrong(key, "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return choice
  }

  func integers(_ key: String) throws(ScalingError) -> [Int] {
    let texts = try texts(key), numbers = texts.compactMap { Int($0) }
    guard numbers.count == texts.count else { throw wrong(key, "a list of whole numbers, for example [1, 2, 4]") }
    return numbers
  }

  func texts(_ key: String) throws(ScalingError) -> [String] {
    guard let node = given[key] else { return try standard(key) == "[]" ? [] : [try standard(key)] }
    if let scalar = node.scalar { return [scalar.string] }
    let texts = node.sequence?.compactMap(\.scalar?.string) ?? []
    guard let sequence = node.sequence, sequence.count == texts.count else {
      throw wrong(key, "a plain list, for example [a, b]")
    }
    return texts
  }

  private func standard(_ key: String) throws(ScalingError) -> String {
    let row = studyKeys.first { $0.name == key }!
    guard let standard = row.standard else { throw ScalingError("\(source) lacks the key \"\(key)\" (\(row.meaning)): add it.") }
    return standard
  }

  private func wrong(_ key: String, _ wanted: String) -> ScalingError {
    let value = given[key].map { $0.scalar?.string ?? "a list or a mapping" } ?? ""
    return ScalingError("\(source): \(key) is \"\(value)\" but must be \(wanted).")
  }
}
