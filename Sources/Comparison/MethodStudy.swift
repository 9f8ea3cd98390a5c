// What a comparison of methods runs: every method on every labelled set, each a training with a run file of its own.

import Files
import Foundation
import Settings
import Training

/// Methods on labelled sets of one data set.
public struct MethodStudy: Sendable {
  /// Folder of packs.
  public var data: String
  /// A hash of what they hold: runs on other data are not mixed.
  public var dataHash: String
  /// Folder for runs and tables.
  public var output: String
  public var methods: [MethodChoice]
  /// Numbers of labelled volumes.
  public var labels: [Int]
  /// Of labelled sets: each is drawn by one, which also seeds the run.
  public var seeds: [UInt64]
  /// `key=value` for all runs.
  public var overrides: [String]
  /// What is scored: it trains nothing and chooses no checkpoint.
  public var subject: HeldOutCases

  public init(
    data: String, dataHash: String, output: String, methods: [MethodChoice], labels: [Int], seeds: [UInt64], overrides: [String],
    subject: HeldOutCases
  ) throws(ComparisonError) {
    (self.data, self.dataHash, self.output, self.methods, self.labels) = (data, dataHash, output, methods, labels)
    (self.seeds, self.overrides, self.subject) = (seeds, overrides, subject)
    for (name, count, different) in [
      ("--methods", methods.count, Set(methods.map(\.folder)).count), ("--labels", labels.count, Set(labels).count),
      ("--seeds", seeds.count, Set(seeds).count),
    ] where count == 0 || count > different {
      throw ComparisonError("\(name): give at least one, and each once.")
    }
    guard labels.allSatisfy({ $0 > 0 }) else { throw ComparisonError("--labels: numbers of labelled volumes are 1 and more.") }
  }

  /// What others are compared with: the first method called `supervised`, else the first.
  var reference: MethodChoice { methods.first { $0.title == "supervised" } ?? methods[0] }

  /// All runs, one labelled set after another.
  package var runs: [MethodRun] {
    seeds.flatMap { seed in labels.flatMap { labels in methods.map { MethodRun(method: $0, labels: labels, seed: seed) } } }
  }

  func folder(of run: MethodRun) -> String { "\(output)/runs/\(run.name)" }

  /// The run file of a run. The last checkpoint is scored, so nothing is validated before the end.
  package func runFile(of run: MethodRun) -> String {
    var lines = ["data=\(data)", "output=\(folder(of: run))", "seed=\(run.seed)", "validation.every=0", "checkpoint.keep=1"]
    lines += ["labelled.count=\(run.labels)", "labelled.seed=\(run.seed)"]
    let isFolded = subject == .validation && !overrides.contains { $0.hasPrefix("validation.cases=") }
    if isFolded { lines.append("validation.fold=0") }
    // Later ones win, and a YAML file may have each key once.
    var texts: [String: String] = [:], order: [String] = []
    for line in lines + overrides + run.method.overrides {
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init), key = parts[0]
      if texts.updateValue(parts.count > 1 ? parts[1] : "", forKey: key) == nil { order.append(key) }
    }
    return order.map { yamlLine($0, texts[$0]!) + "\n" }.joined()
  }

  /// The settings of a run, checked.
  package func configuration(of run: MethodRun) throws(TrainingError) -> RunConfiguration {
    try RunConfiguration(yaml: runFile(of: run), source: "the run file of \(run.name)")
  }
}

/// One training of a comparison.
package struct MethodRun: Sendable, Hashable {
  let method: MethodChoice
  let labels: Int
  let seed: UInt64

  /// The name for folders and messages: `mean-teacher-5-labels-seed-2`.
  var name: String { "\(method.folder)-\(labels)-labels-seed-\(seed)" }
}
