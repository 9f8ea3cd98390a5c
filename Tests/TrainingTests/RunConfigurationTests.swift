// Run files: the table of keys, nesting, overrides, options of methods and networks, and one clear sentence for every mistake.

import Cluster
import Foundation
import Methods
import Networks
import Preparation
import Settings
import Tensors
import Testing
import Training
import Volumes

@Suite struct RunConfigurationTests {
  static let least = "data: d\noutput: o\n"

  func configuration(_ yaml: String, _ overrides: [String] = []) throws -> RunConfiguration {
    try RunConfiguration(yaml: yaml, source: "run.yaml", overrides: overrides)
  }

  @Test func defaultsNestingAndOverrides() throws {
    let run = try configuration(
      "data: d\noutput: o\nmethod: {name: relif, sobf: spectral}\noptimizer:\n  learningRate: 0.5\n",
      ["steps=7", "patch=[32, 48, 16]", "trace.steps=[3, 9]", "augmentation.axes=W,D"])
    #expect(run.steps == 7 && run.learningRate == 0.5 && run.momentum == 0.9)
    #expect(run.patch == Extent(32, 48, 16) && run.seed == 1337 && run.tracedSteps == 3...9 && run.flipAxes == [.depth, .width])
    #expect(run.methodOptions.given == ["sobf": "spectral"] && run.warnings.isEmpty)
  }

  /// The default of every key, as text and, for one of each kind, as a value.
  @Test func everyKeyHasItsDefault() throws {
    let run = try configuration(Self.least)
    #expect(Set(run.values.keys) == Set(RunKeys.all.map { $0.name }) && run.values.count == RunKeys.all.count)
    for key in RunKeys.all where key.defaultText != nil && key.name != "data" {
      #expect(run.values[key.name] == key.defaultText, "\(key.name)")
      #expect(try configuration(Self.least, ["\(key.name)=\(key.defaultText ?? "")"]).values == run.values, "\(key.name)")
    }
    #expect(run.data == "d" && run.validationCases == [] && run.priorFrame == .canonical && run.checkpointSeconds == 0)
    #expect(run.tracedSteps == nil && run.checkpointBackend == .auto && run.reduction == "exact" && run.threads == 0)
    // The texts that checkpoints of earlier versions hold.
    #expect(run.values["optimizer.weightDecay"] == "0.0001" && run.values["patch"] == "[64, 64, 64]")
    #expect(run.values["prior.noise"] == "0.0" && run.values["augmentation.axes"] == "[]" && run.values["trace.steps"] == "[]")
  }

  /// A value beyond the range of every number, and a name that is no choice.
  @Test func everyKeyRefusesWhatItsTableDoesNotAllow() {
    for key in RunKeys.all where !key.allowed.hasPrefix("a text") && !key.allowed.hasPrefix("a list, ") {
      for value in ["-1", "nonsense", "1e300"] {
        #expect {
          try configuration(Self.least, ["\(key.name)=\(value)"])
        } throws: {
          "\($0)".contains("\(key.name) is \"\(value)\" but must be \(key.allowed)")
        }
      }
    }
  }

  @Test func choicesAreThoseOfTheCatalogues() throws {
    func choices(_ name: String) throws -> [String] { try #require(RunKeys.all.first { $0.name == name }).choices }
    #expect(
      try choices("method.name") == methodCatalog.map { $0.name } && choices("network.name") == networkCatalog.map { $0.name })
    #expect(try choices("reduction") == averagerCatalog.map { $0.name })
    #expect(try choices("prior.kind") == ["none"] + priorCatalog.map(\.name))
    #expect(try choices("prior.prompt") == PromptSource.allCases.map(\.rawValue))
    #expect(try choices("checkpoint.backend") == CheckpointBackend.allCases.map(\.rawValue))
    #expect(try choices("memory") == TapeMemory.allCases.map(\.rawValue))
    #expect(try choices("window.weighting") == WindowWeighting.allCases.map(\.rawValue))
    #expect(try choices("augmentation.kind") == PatchAugmentation.Kind.allCases.map(\.rawValue))
  }

  /// Names are unique, sentences are sentences, defaults are allowed: of every table.
  @Test func tablesOfKeysAreSound() {
    let tables = [RunKeys.all] + methodCatalog.map { $0.options } + networkCatalog.map { $0.options }
    for table in tables {
      let names = table.flatMap { [$0.name] + $0.aliases }
      #expect(Set(names).count == names.count, "\(names)")
      for setting in table {
        #expect(setting.help.hasSuffix(".") && !setting.help.contains("\n") && setting.help.count > 15, "\(setting.name)")
        #expect(setting.defaultText.map { setting.normalized($0) == $0 } ?? true, "\(setting.name)")
      }
    }
  }

  @Test func theResolvedTextIsTheSameConfiguration() throws {
    let run = try configuration(
      "data: d\noutput: o\nmethod: supervised\nnetwork: {name: unet3d, base: 4}\nvalidation: {cases: [a, b]}\n")
    let again = try configuration(run.yaml)
    #expect(again.values == run.values && again.changes(since: run).isEmpty)
    #expect(try configuration(run.yaml, ["seed=2", "data=elsewhere"]).changes(since: run) == ["seed"])
  }

  /// Files and checkpoints from before `optimizer.learningRate` had its name.
  @Test func theFormerNameOfTheLearningRateIsRead() throws {
    let old = try configuration("data: d\noutput: o\noptimizer: {rate: 0.5}\n"),
      new = try configuration(Self.least, ["optimizer.rate=0.5"])
    #expect(old.learningRate == 0.5 && old.warnings.isEmpty && old.yaml.contains("optimizer.learningRate: 0.5\n"))
    #expect(new.changes(since: old).isEmpty && !old.yaml.contains("optimizer.rate"))
    let saved = try configuration(new.yaml.replacing("optimizer.learningRate", with: "optimizer.rate"))
    #expect(new.changes(since: saved).isEmpty)
    #expect(try configuration("data: d\noutput: o\noptimizer: {rate: 0.5}\n", ["optimizer.learningRate=0.1"]).learningRate == 0.1)
  }

  /// One run file serves several methods and networks.
  @Test func optionsOfAnotherMethodAreLeftOutWithAWarning() throws {
    let file =
      "data: d\noutput: o\nmethod: {name: relif, sobf: paper, cgcr: {ramp: sigmoid}}\nnetwork: {name: stunet, base: 4, depth: 2}\n"
    let run = try configuration(file, ["method=supervised", "network=unet3d"])
    #expect(
      run.methodName == "supervised" && run.methodOptions.given == ["sobf": "paper"] && run.networkOptions.given == ["base": "4"])
    #expect(
      run.warnings == [
        "run.yaml: method.cgcr.ramp is left out, because method supervised has no such option.",
        "run.yaml: network.depth is left out, because network unet3d has no such option.",
      ])
    #expect(try configuration(file).warnings.isEmpty && configuration(run.yaml).warnings.isEmpty)
    #expect {
      try configuration(file, ["method=supervised", "method.cgcr.rampe=none"])
    } throws: { "\($0)".contains("there is no key \"method.cgcr.rampe\"") }
  }

  @Test(arguments: [
    ("data: d\noutput: o\nstep: 5\n", ["\"step\"", "steps"]),
    ("dat: d\noutput: o\n", ["\"dat\"", "\"data\""]),
    ("data: d\noutput: o\noptimizer: {momentun: 1}\n", ["optimizer.momentun", "optimizer.momentum"]),
    ("data: d\noutput: o\nsteps: many\n", ["steps", "many", "whole number"]),
    ("data: d\noutput: o\nsteps: -4\n", ["steps", "-4"]),
    ("data: d\noutput: o\npatch: [1, 2]\n", ["patch", "3 whole numbers from 1 to 4096"]),
    ("data: d\noutput: o\npatch: [16, 16, 0]\n", ["patch"]),
    ("data: d\noutput: o\ntrace: {steps: [5]}\n", ["trace.steps", "[100, 110]"]),
    ("data: d\noutput: o\ntrace: {steps: [9, 5]}\n", ["trace.steps", "first and the last"]),
    ("data: d\noutput: o\ntrace: {steps: [0, x]}\n", ["trace.steps"]),
    ("data: d\noutput: o\noptimizer: {rate: fast}\n", ["optimizer.learningRate", "fast", "number"]),
    ("data: d\noutput: o\naugmentation: {axes: [D, X]}\n", ["augmentation.axes", "D, H and W"]),
    ("data: d\noutput: o\nreduction: exakt\n", ["reduction", "exact, fast", "did you mean \"exact\""]),
    ("data: d\noutput: o\nmethod: relief\n", ["relief", "did you mean \"relif\""]),
    ("data: d\noutput: o\nnetwork: unet\n", ["unet", "did you mean \"unet3d\""]),
    ("data: d\noutput: o\nmethod: {name: relif, sobff: paper}\n", ["method.sobff", "method.sobf"]),
    ("data: d\noutput: o\nmethod: {name: relif, kl: {weight: -1}}\n", ["method.kl.weight", "from 0 to 1000"]),
    ("data: d\noutput: o\nnetwork: {name: unet3d, base: 0}\n", ["network.base", "from 1"]),
    ("output: o\n", ["data", "cohort prepare"]),
    ("data: d\noutput: o\ndata: e\n", ["data"]),
    ("data: d\noutput: o\noptimizer: {rate: 1, learningRate: 1}\n", ["optimizer.learningRate", "twice"]),
    ("data: d\noutput: o\nmethod.name: relif\nmethod: relif\n", ["method.name", "twice"]),
    ("- a\n- b\n", ["no settings"]),
    ("data: [d\n", ["not valid YAML"]),
    ("", ["no settings"]),
  ])
  func everyMistakeIsNamed(yaml: String, fragments: [String]) {
    #expect {
      try configuration(yaml)
    } throws: { error in
      let text = "\(error)"
      return fragments.allSatisfy { text.contains($0) } && text.contains("run.yaml") && !text.contains("\n")
    }
  }

  @Test func overridesAreCheckedToo() {
    for override in ["steps", "=5", "stepz=5", "steps=x"] {
      #expect(throws: TrainingError.self, "\(override)") { try configuration(Self.least, [override]) }
    }
  }

  @Test func everyRecipeLoads() throws {
    for recipe in recipes {
      #expect(try configuration(recipe.yaml).warnings.isEmpty && !recipe.summary.isEmpty, "\(recipe.name)")
    }
  }
}
