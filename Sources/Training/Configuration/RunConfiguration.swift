// A run file, checked: YAML with nested keys, `key=value` overrides after it, defaults from the table of keys.

import Cluster
import Foundation
import Methods
import Networks
import Volumes
import Yams

/// A run cannot start or go on as asked; `exitCode` is one of `ExitCode`, which the README documents.
public struct TrainingError: ExitCoded, CustomStringConvertible, Sendable {
  public let description: String
  public let exitCode: Int32

  public init(_ description: String, exitCode: Int32 = 3) {
    self.description = description
    self.exitCode = exitCode
  }
}

/// All settings of a run. Paths are relative to the current folder.
public struct RunConfiguration: Sendable {
  /// Dotted key → value as YAML text, defaults included.
  public private(set) var values: [String: String]

  /// Reads YAML text and overrides.
  /// - Parameter source: the run file's name, for messages.
  public init(yaml: String, source: String, overrides: [String] = []) throws(TrainingError) {
    var given = try Self.flatten(yaml, source: source)
    for override in overrides {
      guard let sign = override.firstIndex(of: "="), sign != override.startIndex else {
        throw TrainingError("\(override) is no override: write key=value, for example steps=1000.")
      }
      let pair = "\(override[..<sign]): \(override[override.index(after: sign)...])"
      given.merge(try Self.flatten(pair, source: override)) { $1 }
    }
    values = try Self.checked(given, source: source)
  }

  /// Reads a run file.
  public init(file: String, overrides: [String]) throws(TrainingError) {
    try self.init(yaml: try Self.text(of: file), source: file, overrides: overrides)
  }

  package static func text(of file: String) throws(TrainingError) -> String {
    do { return try String(contentsOfFile: file, encoding: .utf8) } catch {
      throw TrainingError(
        "cannot read the run file \(file): check the path, or print a ready one with `cohort recipes demo-relif`.")
    }
  }

  // MARK: Typed settings

  public var data: String { text("data") }
  public var output: String { text("output") }
  public var steps: Int { integer("steps") }
  public var lanes: Int { integer("lanes") }
  public var seed: UInt64 { UInt64(integer("seed")) }
  public var patch: Extent {
    let sides = texts("patch").map { Int($0)! }
    return Extent(sides[0], sides[1], sides[2])
  }
  public func text(_ key: String) -> String { values[key]! }
  public func integer(_ key: String) -> Int { Int(values[key]!)! }
  public func number(_ key: String) -> Double { Double(values[key]!)! }
  public func texts(_ key: String) -> [String] { Self.elements(values[key]!) }

  /// The options below `method` or `network`, without the name.
  public func options(of group: String) -> [String: String] {
    var options: [String: String] = [:]
    for (key, value) in values where key.hasPrefix(group + ".") && key != group + ".name" {
      options[String(key.dropFirst(group.count + 1))] = value
    }
    return options
  }

  /// The whole configuration as YAML, one line a key.
  public var yaml: String { values.keys.sorted().map { "\($0): \(values[$0]!)\n" }.joined() }

  /// Keys that change results and differ from `other`, the configuration of a checkpoint.
  public func changes(since other: RunConfiguration) -> [String] {
    Set(values.keys).union(other.values.keys).filter { !Self.freeKeys.contains($0) && values[$0] != other.values[$0] }.sorted()
  }

  /// Keys that may differ from start to start.
  static let freeKeys = Set(runKeys.filter { !$0.changesResults }.map(\.name))

  // MARK: Reading

  private static func flatten(_ yaml: String, source: String) throws(TrainingError) -> [String: String] {
    let node: Node?
    do { node = try Yams.compose(yaml: yaml) } catch {
      let reason = "\(error)".split(separator: "\n").first.map(String.init) ?? "syntax error"
      throw TrainingError("\(source) is not valid YAML (\(reason)): write one `key: value` a line.")
    }
    guard let mapping = node?.mapping else {
      throw TrainingError("\(source) holds no settings: write one `key: value` a line.")
    }
    var flat: [String: String] = [:]
    try add(mapping, prefix: "", to: &flat, source: source)
    return flat
  }

  private static func add(
    _ mapping: Node.Mapping, prefix: String, to flat: inout [String: String], source: String
  ) throws(TrainingError) {
    for (keyNode, value) in mapping {
      let key = prefix + (keyNode.string ?? "")
      switch value {
      case .mapping(let inner): try add(inner, prefix: key + ".", to: &flat, source: source)
      case .scalar(let scalar):
        let name = ["method", "network"].contains(key) ? key + ".name" : key
        guard flat[name] == nil else { throw TrainingError("\(source): the key \(name) is given twice: keep one.") }
        flat[name] = scalar.string
      case .sequence(let sequence):
        let parts = sequence.compactMap(\.scalar?.string)
        guard parts.count == sequence.count else {
          throw TrainingError("\(source): \(key) must be a plain list, for example [1, 2, 3].")
        }
        flat[key] = "[" + parts.joined(separator: ", ") + "]"
      case .alias: throw TrainingError("\(source): \(key) uses a YAML alias: write the value out.")
      }
    }
  }

  private static func elements(_ list: String) -> [String] {
    let inner = list.hasPrefix("[") && list.hasSuffix("]") ? String(list.dropFirst().dropLast()) : list
    return inner.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }

  // MARK: Checking

  private static func checked(_ given: [String: String], source: String) throws(TrainingError) -> [String: String] {
    let names = Set(runKeys.map(\.name))
    let methodName = given["method.name"] ?? runKeys.first { $0.name == "method.name" }!.standard!
    let networkName = given["network.name"] ?? runKeys.first { $0.name == "network.name" }!.standard!
    let method = methodCatalog.first { $0.name == methodName }, network = networkCatalog.first { $0.name == networkName }
    let optionNames =
      (method?.options.map { "method.\($0.name)" } ?? []) + (network?.options.map { "network.\($0.name)" } ?? [])
    guard method != nil else { throw unknown("method", methodName, methodCatalog.map { $0.name }, source) }
    guard network != nil else { throw unknown("network", networkName, networkCatalog.map { $0.name }, source) }

    for key in given.keys.sorted() where !names.contains(key) && !optionNames.contains(key) {
      let nearest = nearestName(to: key, among: runKeys.map(\.name) + optionNames)!
      throw TrainingError("\(source): there is no key \"\(key)\": did you mean \"\(nearest)\"?")
    }
    var values = given
    for key in runKeys {
      guard let value = given[key.name] ?? key.standard else {
        throw TrainingError("\(source) lacks the key \"\(key.name)\" (\(key.meaning)): add it.")
      }
      values[key.name] = try normalized(value, key, source)
    }
    return values
  }

  private static func unknown(_ what: String, _ name: String, _ known: [String], _ source: String) -> TrainingError {
    TrainingError("\(source): there is no \(what) \"\(name)\": did you mean \"\(nearestName(to: name, among: known)!)\"?")
  }

  private static func normalized(_ value: String, _ key: RunKey, _ source: String) throws(TrainingError) -> String {
    func wrong(_ wanted: String) -> TrainingError {
      TrainingError("\(source): \(key.name) is \"\(value)\" but must be \(wanted).")
    }
    switch key.kind {
    case .text:
      guard !value.isEmpty else { throw wrong("a text") }
      return value
    case .integer(let range):
      guard let number = Int(value), range.contains(number) else {
        throw wrong("a whole number from \(range.lowerBound)" + (range.upperBound == .max ? "" : " to \(range.upperBound)"))
      }
      return String(number)
    case .number(let range):
      guard let number = Double(value), range.contains(number) else {
        throw wrong("a number from \(range.lowerBound) to \(range.upperBound)")
      }
      return String(number)
    case .choice(let allowed):
      guard allowed.contains(value) else { throw wrong("one of \(allowed.joined(separator: ", "))") }
      return value
    case .integers(let count):
      let numbers = elements(value).compactMap(Int.init)
      guard numbers.count == count, elements(value).count == count, numbers.allSatisfy({ $0 > 0 }) else {
        throw wrong("\(count) positive whole numbers, for example \(key.standard!)")
      }
      return "[" + numbers.map(String.init).joined(separator: ", ") + "]"
    case .range:
      let ends = elements(value).compactMap(Int.init)
      let isRange = ends.isEmpty || ends.count == 2 && ends[0] > 0 && ends[0] <= ends[1]
      guard isRange, elements(value).count == ends.count else {
        throw wrong("[], or the first and the last step, for example [100, 110]")
      }
      return "[" + ends.map(String.init).joined(separator: ", ") + "]"
    case .texts:
      return "[" + elements(value).joined(separator: ", ") + "]"
    }
  }
}
