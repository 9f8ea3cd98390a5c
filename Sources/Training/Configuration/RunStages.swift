// Stages and modules in a run file: keys below `stages.NAME.` and `modules.NAME.`, which stand for the same keys outside.

import Settings
import Tensors

/// The texts of a run file by what they are for.
struct RunTexts {
  /// Keys of the run itself.
  private(set) var keys: [String: String] = [:]
  /// Keys of stages and of modules, by the name of these.
  private(set) var stages: [String: [String: String]] = [:]
  private var modules: [String: [String: String]] = [:]

  /// Sorts flattened texts; keys of stages and modules may be short forms.
  init(_ flat: [String: String]) { add(flat) }

  private mutating func add(_ flat: [String: String]) {
    for (key, text) in flat {
      let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
      switch (parts.count, parts[0]) {
      case (3, "stages"): stages[parts[1], default: [:]][RunTexts.canonical(parts[2])] = text
      case (3, "modules"): modules[parts[1], default: [:]][RunTexts.canonical(parts[2])] = text
      default: keys[key] = text
      }
    }
  }

  /// The name of a key of a stage, of which short forms may be given: those of the run, also below `modules.NAME.`.
  private static func canonical(_ key: String) -> String {
    let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts.count == 3, parts[0] == "modules" else { return RunKeys.all.canonicalName(key) }
    return "modules.\(parts[1]).\(RunKeys.all.canonicalName(parts[2]))"
  }

  /// Replaces texts by those of an override. A list of stages chooses among those there are.
  mutating func override(by flat: [String: String], source: String) throws(SettingsError) {
    let name = RunKeys.table.stages.name, known = stageNames
    add(flat)
    guard flat[name] != nil, !known.isEmpty else { return }
    for stage in stageNames where !known.contains(stage) {
      let hint = nearestName(to: stage, among: known).map { "did you mean \"\($0)\"?" } ?? "leave it out."
      throw SettingsError("\(source): there is no stage \"\(stage)\": \(hint)")
    }
    stages = stages.filter { stageNames.contains($0.key) }
  }

  private var stageNames: [String] { keys[RunKeys.table.stages.name].flatMap { RunKeys.table.stages.format.read($0) } ?? [] }

  /// The keys that modules have of their own, checked.
  func moduleOptions(source: String) throws(SettingsError) -> [String: SettingValues] {
    var options: [String: SettingValues] = [:]
    for (module, texts) in modules {
      options[module] = try SettingValues(texts, of: RunKeys.table.optimisation, source: source, prefix: "modules.\(module).")
    }
    return options
  }

  /// The stages of these names: their own keys over those of the run, checked.
  func stageEntries(named names: [String], source: String) throws(SettingsError) -> [StageEntry] {
    for stage in stages.keys.sorted() where !names.contains(stage) {
      throw SettingsError("\(source): there is no stage \"\(stage)\" in stages: [\(names.joined(separator: ", "))].")
    }
    var entries: [StageEntry] = []
    for (number, name) in names.enumerated() {
      let texts = stages[name] ?? [:], shared = RunKeys.table.ofWholeRun
      if let key = texts.keys.sorted().first(where: shared.contains) {
        throw SettingsError("\(source): stages.\(name).\(key): \(key) is the same in every stage: set it outside of stages.")
      }
      let configuration = try RunConfiguration(
        inherited(by: texts, number: number), isStage: true, source: "\(source): stages.\(name)")
      entries.append(StageEntry(name: name, givenKeys: Set(texts.keys), configuration: configuration))
    }
    return entries
  }

  /// The texts of a stage: its own, and those of the run that it does not replace. Options of the run's method or network are nothing to a stage
  /// with another one, and each stage draws from streams of its own.
  private func inherited(by texts: [String: String], number: Int) -> RunTexts {
    var result = self
    result.stages = [:]
    result.keys[RunKeys.table.stages.name] = nil
    for setting in [RunKeys.table.methodName, RunKeys.table.networkName] where texts[setting.name] != nil {
      let group = setting.name.prefix { $0 != "." } + "."
      result.keys = result.keys.filter { !$0.key.hasPrefix(group) || $0.key == setting.name }
    }
    result.add(texts)
    if number > 0 {
      let seed = keys[RunKeys.table.seed.name].flatMap { UInt64($0) } ?? RunKeys.table.seed.defaultValue ?? 0
      result.keys[RunKeys.table.seed.name] = String(RandomKey(seed).child(UInt64(number)).value >> 2)
    }
    return result
  }
}

/// An entry of `stages`.
struct StageEntry: Sendable {
  let name: String
  /// The keys that the entry gives itself.
  let givenKeys: Set<String>
  /// All settings of the stage.
  let configuration: RunConfiguration
}
