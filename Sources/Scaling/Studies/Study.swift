// A scaling study: which numbers of nodes, how often, how they are started and what is timed. One YAML file, the keys of the
// table below.

import Foundation

/// What replaces or does not replace the kernels.
public enum StudyCompute: Sendable, Equatable {
  /// Steps of the study's run file.
  case real
  /// Sleeps for the times in this file (`LaneTrace`).
  case replay(String)

  /// `real`, or `replay:FILE`.
  public init(_ text: String) throws(ScalingError) {
    let prefix = "replay:"
    switch text {
    case "real": self = .real
    case _ where text.hasPrefix(prefix) && text.count > prefix.count: self = .replay(String(text.dropFirst(prefix.count)))
    default: throw ScalingError("compute is \"\(text)\": write real, or replay:FILE with a file that `cohort scale record` made.")
    }
  }
}

/// How ranks are started.
public enum Launcher: String, Sendable, CaseIterable {
  case mpirun, srun
}

/// One key of a study file.
package struct StudyKey: Sendable {
  package let name: String
  /// nil where every study must have the key.
  let standard: String?
  let meaning: String
}

/// All keys, in the order of documentation.
package let studyKeys: [StudyKey] = [
  StudyKey(name: "output", standard: nil, meaning: "folder for measurements and report; the same folder continues the study"),
  StudyKey(name: "nodes", standard: nil, meaning: "numbers of nodes, for example [1, 2, 4, 8]"),
  StudyKey(name: "run", standard: "", meaning: "run file whose steps are timed"),
  StudyKey(name: "overrides", standard: "[]", meaning: "keys that replace those of the run file, for example [network.base=8]"),
  StudyKey(name: "compute", standard: "real", meaning: "real, or replay:FILE: sleep for the lane times in FILE instead"),
  StudyKey(name: "strong", standard: "0", meaning: "lanes in all, shared out over the ranks; 0: no strong scaling"),
  StudyKey(name: "weak", standard: "0", meaning: "lanes of each rank; 0: no weak scaling"),
  StudyKey(
    name: "allreduce", standard: "[]", meaning: "message sizes whose allreduce is timed too, for the model: [4K, 256K, 4M]"),
  StudyKey(name: "launcher", standard: "mpirun", meaning: "mpirun or srun"),
  StudyKey(name: "hostfile", standard: "", meaning: "hosts for mpirun, in the order in which they are taken"),
  StudyKey(
    name: "arguments", standard: "[]", meaning: "more words for the launcher, for example [--mca, btl_tcp_if_include, eth0]"),
  StudyKey(name: "ranksPerNode", standard: "1", meaning: "ranks on each node"),
  StudyKey(name: "threads", standard: "1", meaning: "threads of each rank"),
  StudyKey(name: "repeats", standard: "5", meaning: "how often each point is measured, in random order"),
  StudyKey(name: "warmup", standard: "3", meaning: "steps that are dropped at the start of each measurement"),
  StudyKey(name: "steps", standard: "10", meaning: "steps that count"),
  StudyKey(name: "seed", standard: "1", meaning: "of the random order, the intervals and the rehearsal's draws"),
  StudyKey(name: "limitSeconds", standard: "900", meaning: "a measurement that takes longer is ended and counts as failed"),
  StudyKey(name: "averagedValues", standard: "0", meaning: "replay: values that a step averages; 0: as recorded"),
  StudyKey(name: "dilation", standard: "1", meaning: "replay: clocks run so many times slower, for a network slowed down alike"),
  StudyKey(name: "checkpointEvery", standard: "0", meaning: "replay: steps between checkpoints that are written; 0: none"),
]

/// A study, checked.
public struct Study: Sendable {
  public let output: String
  /// Ascending.
  public let nodes: [Int]
  public let run: String
  public let overrides: [String]
  public let compute: StudyCompute
  public let strongLanes: Int
  public let weakLanesPerRank: Int
  public let allreduceSizes: [Int]
  public let launcher: Launcher
  public let hostfile: String
  public let arguments: [String]
  public let ranksPerNode: Int
  public let threads: Int
  public let repeats: Int
  public let warmup: Int
  public let steps: Int
  public let seed: UInt64
  public let limitSeconds: Int
  public let averagedValues: Int
  public let dilation: Double
  public let checkpointEvery: Int
  /// The text that the study was read from.
  public let yaml: String

  /// - Parameter source: the file's name, for messages.
  public init(yaml: String, source: String) throws(ScalingError) {
    let values = try StudyValues(yaml: yaml, source: source)
    self.yaml = yaml
    output = try values.text("output")
    nodes = try values.integers("nodes").sorted()
    run = try values.text("run")
    overrides = try values.texts("overrides")
    compute = try StudyCompute(try values.text("compute"))
    strongLanes = try values.integer("strong", from: 0)
    weakLanesPerRank = try values.integer("weak", from: 0)
    let sizes = try values.texts("allreduce")
    allreduceSizes = sizes.isEmpty ? [] : try messageSizes(sizes.joined(separator: ","))
    launcher = try values.choice("launcher")
    hostfile = try values.text("hostfile")
    arguments = try values.texts("arguments")
    ranksPerNode = try values.integer("ranksPerNode", from: 1)
    threads = try values.integer("threads", from: 1)
    repeats = try values.integer("repeats", from: 1)
    warmup = try values.integer("warmup", from: 0)
    steps = try values.integer("steps", from: 1)
    seed = UInt64(try values.integer("seed", from: 0))
    limitSeconds = try values.integer("limitSeconds", from: 1)
    averagedValues = try values.integer("averagedValues", from: 0)
    dilation = try values.number("dilation", from: 1e-3)
    checkpointEvery = try values.integer("checkpointEvery", from: 0)
    try check(source)
  }

  /// Reads a study file, or the study that a study's folder keeps.
  public init(path: String) throws(ScalingError) {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let file = exists && isFolder.boolValue ? path + "/" + StudyFolder.studyName : path
    guard let yaml = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw ScalingError("Cannot read the study \(file): check the path; the README shows one under \"Scaling studies\".")
    }
    try self.init(yaml: yaml, source: file)
  }

  private func check(_ source: String) throws(ScalingError) {
    func refuse(_ text: String) -> ScalingError { ScalingError("\(source): \(text)") }
    guard !output.isEmpty else { throw refuse("output is empty: name a folder.") }
    guard let most = nodes.last, nodes[0] > 0, Set(nodes).count == nodes.count else {
      throw refuse("nodes must be different numbers of 1 or more, for example [1, 2, 4].")
    }
    guard strongLanes > 0 || weakLanesPerRank > 0 else {
      throw refuse("neither strong nor weak is given: write strong: LANES for a fixed batch, weak: LANES for lanes of each rank.")
    }
    if strongLanes > 0, most * ranksPerNode > strongLanes {
      throw refuse(
        "\(most) nodes have \(most * ranksPerNode) ranks, more than the \(strongLanes) lanes of strong scaling: "
          + "nothing scales beyond the lanes. Raise strong or leave out the larger numbers of nodes.")
    }
    guard repeats >= 5 else { throw refuse("repeats is \(repeats): intervals need 5 or more.") }
    if compute == .real {
      guard !run.isEmpty else { throw refuse("the key run is missing: name the run file whose steps are timed.") }
      guard averagedValues == 0, dilation == 1, checkpointEvery == 0 else {
        throw refuse(
          "averagedValues, dilation and checkpointEvery are for rehearsals: leave them out, or set compute: replay:FILE.")
      }
    }
  }
}
