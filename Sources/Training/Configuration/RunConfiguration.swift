// A run file, checked: YAML with nested keys, `key=value` overrides after it, defaults from the table of keys.

import Cluster
import Files
import Foundation
import Methods
import Networks
import Settings

/// A run cannot start or go on as asked; `exitCode` is one of `ExitCode`, which the README documents.
public struct TrainingError: ExitCoded, CustomStringConvertible, Sendable {
  public let description: String
  public let exitCode: Int32

  public init(_ description: String, exitCode: Int32 = 3) {
    self.description = description
    self.exitCode = exitCode
  }
}

/// The most bytes that a run file or a study may have.
package let longestRunFile = 1 << 20

/// All settings of a run: those of `RunKeys` by their names there (`configuration.steps`), those of the method and the network apart. Paths are
/// relative to the current folder.
@dynamicMemberLookup
public struct RunConfiguration: Sendable {
  private let run: SettingValues
  /// Values of the options of the chosen method, and of the chosen network.
  public let methodOptions, networkOptions: SettingValues
  /// Values of the keys that single modules have of their own, by the module's name.
  let moduleOptions: [String: SettingValues]
  /// The entries of `stages`.
  private let entries: [StageEntry]
  /// Keys that were left out because they belong to another method or network, a sentence each.
  public let warnings: [String]

  /// Reads YAML text and overrides.
  /// - Parameter source: the run file's name, for messages.
  public init(yaml: String, source: String, overrides: [String] = []) throws(TrainingError) {
    do throws(SettingsError) {
      var given = RunTexts(try flattened(yaml: yaml, of: RunKeys.all, source: source))
      for override in overrides {
        guard let sign = override.firstIndex(of: "="), sign != override.startIndex else {
          throw SettingsError("\(override.prefix(200)) is no override: write key=value, for example steps=1000.")
        }
        // Lists and texts in quotation marks are YAML; what else a shell hands over, such as a path with " #" in it, is itself.
        let value = override[override.index(after: sign)...].trimmingCharacters(in: .whitespaces)
        let isYAML = value.first.map { "[{\"'".contains($0) } ?? false
        let pair = "\(override[..<sign]): \(isYAML ? value : quotedYAML(value))"
        try given.override(by: try flattened(yaml: pair, of: RunKeys.all, source: override), source: override)
      }
      try self.init(given, source: source)
    } catch { throw TrainingError(error.description) }
  }

  /// Checks texts, and those of the stages within them.
  init(_ texts: RunTexts, isStage: Bool = false, source: String) throws(SettingsError) {
    var given = texts.keys
    let method = OptionGroup(RunKeys.table.methodName, methodCatalog.map { ($0.name, $0.options) }, given)
    let network = OptionGroup(RunKeys.table.networkName, networkCatalog.map { ($0.name, $0.options) }, given)
    var warnings = try Self.dropForeignOptions(from: &given, [method, network], isStage: isStage, source: source)
    let names = Set(RunKeys.all.map { $0.name })
    run = try SettingValues(given.filter { names.contains($0.key) }, of: RunKeys.all, source: source)
    methodOptions = try method.values(given, source: source)
    networkOptions = try network.values(given, source: source)
    moduleOptions = try texts.moduleOptions(source: source)
    entries = try texts.stageEntries(named: run[RunKeys.table.stages], source: source)
    let work = run[RunKeys.table.work], type = workCatalog.first { $0.name == work }
    guard !entries.isEmpty || !run[RunKeys.table.data].isEmpty || type?.usesData == false else {
      throw SettingsError("\(source) lacks the key \"data\": add it. \(RunKeys.table.data.help)")
    }
    warnings += entries.flatMap(\.configuration.warnings)
    self.warnings = warnings
    try requirePairOfStudents(source: source)
  }

  /// The stages of the run with all their settings; a run without stages is one, without a name.
  public var stages: [(name: String, configuration: RunConfiguration)] {
    entries.isEmpty ? [("", self)] : entries.map { ($0.name, $0.configuration) }
  }

  /// Reads a run file.
  public init(file: String, overrides: [String]) throws(TrainingError) {
    try self.init(yaml: try Self.text(of: file), source: file, overrides: overrides)
  }

  package static func text(of file: String) throws(TrainingError) -> String {
    do { return try readText(file, atMost: longestRunFile) } catch {
      throw TrainingError("cannot read the run file: \(error) A ready one is printed by `cohort recipes demo-relif`.")
    }
  }

  /// Refuses a layout in which ranks share two networks where there are no two. A run of stages has nothing to compute itself.
  private func requirePairOfStudents(source: String) throws(SettingsError) {
    let pairs = methodCatalog.filter { $0.hasTwoStudents }.map { $0.name }
    guard entries.isEmpty, self.layout == .network, self.work != MethodWork.name || !pairs.contains(self.methodName) else {
      return
    }
    let what = self.work == MethodWork.name ? "method \(self.methodName)" : "work: \(self.work)"
    throw SettingsError(
      "\(source): layout: network gives each of two students ranks of its own, and \(what) has no two: set layout: data there, or choose method: "
        + "\(pairs.joined(separator: " or ")).")
  }

  /// Refuses to measure how a layout scales in which pairs of ranks average one network each and then give each other the averages.
  public func requireMeasurable(source: String) throws(TrainingError) {
    guard self.layout == .network else { return }
    throw TrainingError(
      "\(source): layout: network is trained but not measured, since studies of scaling take all ranks to average the same values: measure with layout: data."
    )
  }

  /// The value of a key.
  public subscript<Value>(dynamicMember key: KeyPath<RunKeys, Setting<Value>>) -> Value { run[RunKeys.table[keyPath: key]] }

  subscript<Value>(key: Setting<Value>) -> Value { run[key] }

  // MARK: As texts

  /// Dotted key → value in normal form: all keys of a run file, and the options, modules' and stages' keys that were given.
  public var values: [String: String] {
    var values = run.texts
    for (name, text) in methodOptions.given { values["method." + name] = text }
    for (name, text) in networkOptions.given { values["network." + name] = text }
    for (module, options) in moduleOptions {
      for (name, text) in options.given { values["modules.\(module).\(name)"] = text }
    }
    for entry in entries {
      let stageValues = entry.configuration.values
      for key in entry.givenKeys { values["stages.\(entry.name).\(key)"] = stageValues[key] }
    }
    return values
  }

  /// The whole configuration as YAML, one line a key.
  public var yaml: String { values.sorted { $0.key < $1.key }.map { yamlLine($0, $1) + "\n" }.joined() }

  /// Keys that change results and differ from `other`, the configuration of a checkpoint.
  public func changes(since other: RunConfiguration) -> [String] {
    let (new, old) = (values, other.values)
    return Set(new.keys).union(old.keys).filter { !Self.isFree($0) && new[$0] != old[$0] }.sorted()
  }

  /// Whether a key may differ from start to start, in a stage as outside.
  static func isFree(_ key: String) -> Bool {
    let parts = key.split(separator: ".", maxSplits: 2), name = parts.count == 3 && parts[0] == "stages" ? String(parts[2]) : key
    return freeKeys.contains(name)
  }
  private static let freeKeys = Set(RunKeys.all.filter { !$0.changesResults }.map { $0.name })

  // MARK: Options

  /// Removes options of methods and networks that were not chosen, so that one run file serves several.
  /// - Returns: a sentence for each.
  private static func dropForeignOptions(
    from given: inout [String: String], _ groups: [OptionGroup], isStage: Bool, source: String
  ) throws(SettingsError) -> [String] {
    let known = RunKeys.all.map { $0.name } + groups.flatMap(\.keys)
    var warnings: [String] = []
    for key in given.keys.sorted() where !known.contains(key) {
      guard let group = groups.first(where: { $0.foreignKeys.contains(key) }) else {
        // What all stages share is no advice within one.
        let choices = isStage ? known.filter { !RunKeys.table.ofWholeRun.contains($0) } : known
        throw .unknownKey(key, among: choices, source: source)
      }
      warnings.append("\(source): \(key) is left out, because \(group.name) \(group.chosen) has no such option.")
      given[key] = nil
    }
    return warnings
  }
}

/// The options of the method or of the network that a run file chooses, and of all others.
private struct OptionGroup {
  /// "method" or "network".
  let name: String
  let chosen: String
  let options: [any SettingDescription]
  let foreignKeys: Set<String>

  init(_ setting: Setting<String>, _ catalog: [(name: String, options: [any SettingDescription])], _ given: [String: String]) {
    let group = String(setting.name.prefix { $0 != "." }), chosen = given[setting.name] ?? setting.defaultText
    (name, self.chosen) = (group, chosen ?? "")
    options = catalog.first { $0.name == chosen }?.options ?? []
    foreignKeys = Set(catalog.flatMap(\.options).map { "\(group).\($0.name)" })
  }

  var keys: [String] { options.map { "\(name).\($0.name)" } }

  func values(_ given: [String: String], source: String) throws(SettingsError) -> SettingValues {
    let prefix = name + ".", known = Set(keys)
    let texts = given.filter { known.contains($0.key) }.map { (String($0.key.dropFirst(prefix.count)), $0.value) }
    return try SettingValues(Dictionary(uniqueKeysWithValues: texts), of: options, source: source, prefix: prefix)
  }
}
