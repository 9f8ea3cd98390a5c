// Run files: defaults, nesting, overrides, and one clear sentence for every mistake.

import Foundation
import Testing
import Training

@Suite struct RunConfigurationTests {
  func configuration(_ yaml: String, _ overrides: [String] = []) throws -> RunConfiguration {
    try RunConfiguration(yaml: yaml, source: "run.yaml", overrides: overrides)
  }

  @Test func defaultsNestingAndOverrides() throws {
    let run = try configuration(
      "data: d\noutput: o\nmethod: {name: relif, sobf: spectral}\noptimizer:\n  rate: 0.5\n", ["steps=7", "patch=[32, 48, 16]"])
    #expect(run.steps == 7 && run.number("optimizer.rate") == 0.5 && run.number("optimizer.momentum") == 0.9)
    #expect(run.patch.depth == 32 && run.patch.width == 16 && run.seed == 1337)
    #expect(run.options(of: "method") == ["sobf": "spectral"])
  }

  @Test func theResolvedTextIsTheSameConfiguration() throws {
    let run = try configuration(
      "data: d\noutput: o\nmethod: supervised\nnetwork: {name: unet3d, base: 4}\nvalidation: {cases: [a, b]}\n")
    let again = try configuration(run.yaml)
    #expect(again.values == run.values && again.changes(since: run).isEmpty)
    #expect(try configuration(run.yaml, ["seed=2", "data=elsewhere"]).changes(since: run) == ["seed"])
  }

  @Test(arguments: [
    ("data: d\noutput: o\nstep: 5\n", ["\"step\"", "steps"]),
    ("data: d\noutput: o\noptimizer: {rat: 1}\n", ["optimizer.rat", "optimizer.rate"]),
    ("data: d\noutput: o\nsteps: many\n", ["steps", "many", "whole number"]),
    ("data: d\noutput: o\nsteps: -4\n", ["steps", "-4"]),
    ("data: d\noutput: o\npatch: [1, 2]\n", ["patch", "3 positive whole numbers"]),
    ("data: d\noutput: o\npatch: [16, 16, 0]\n", ["patch"]),
    ("data: d\noutput: o\ntrace: {steps: [5]}\n", ["trace.steps", "[100, 110]"]),
    ("data: d\noutput: o\ntrace: {steps: [9, 5]}\n", ["trace.steps", "first and the last"]),
    ("data: d\noutput: o\ntrace: {steps: [0, x]}\n", ["trace.steps"]),
    ("data: d\noutput: o\noptimizer: {rate: fast}\n", ["optimizer.rate", "fast", "number"]),
    ("data: d\noutput: o\nreduction: exakt\n", ["reduction", "exact, fast"]),
    ("data: d\noutput: o\nmethod: relief\n", ["relief", "relif"]),
    ("data: d\noutput: o\nnetwork: unet\n", ["unet", "unet3d"]),
    ("data: d\noutput: o\nmethod: {name: relif, sobff: paper}\n", ["method.sobff", "method.sobf"]),
    ("output: o\n", ["data"]),
    ("data: d\noutput: o\ndata: e\n", ["data"]),
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
      #expect(throws: TrainingError.self, "\(override)") { try configuration("data: d\noutput: o\n", [override]) }
    }
  }

  @Test func everyRecipeLoads() throws {
    for recipe in recipes {
      _ = try configuration(recipe.yaml)
      #expect(!recipe.summary.isEmpty, "\(recipe.name)")
    }
  }
}
