// A scaling study: which numbers of nodes, how often, how they are started and what is timed. One YAML file with the keys of
// `StudyKeys`.

import Foundation
import Settings

/// A study, checked.
public struct Study: Sendable {
  public let output: String
  /// Ascending.
  public let nodes: [Int]
  /// Empty for rehearsals.
  public let run: String
  public let overrides: [String]
  public let compute: StudyCompute
  public let strongLanes: Int
  public let weakLanesPerRank: Int
  public let allreduceSizes: [Int]
  public let launcher: Launcher
  /// Empty without one.
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
    let values: SettingValues
    do throws(SettingsError) {
      values = try SettingValues(
        try flattened(yaml: yaml, of: StudyKeys.all, source: source), of: StudyKeys.all, source: source)
    } catch { throw ScalingError(error.description) }
    self.yaml = yaml
    output = values[StudyKeys.output]
    nodes = values[StudyKeys.nodes]
    run = values[StudyKeys.run] ?? ""
    overrides = values[StudyKeys.overrides]
    compute = values[StudyKeys.compute]
    strongLanes = values[StudyKeys.strong]
    weakLanesPerRank = values[StudyKeys.weak]
    allreduceSizes = values[StudyKeys.allreduce]
    launcher = values[StudyKeys.launcher]
    hostfile = values[StudyKeys.hostfile] ?? ""
    arguments = values[StudyKeys.arguments]
    ranksPerNode = values[StudyKeys.ranksPerNode]
    threads = values[StudyKeys.threads]
    repeats = values[StudyKeys.repeats]
    warmup = values[StudyKeys.warmup]
    steps = values[StudyKeys.steps]
    seed = values[StudyKeys.seed]
    limitSeconds = values[StudyKeys.limitSeconds]
    averagedValues = values[StudyKeys.averagedValues]
    dilation = values[StudyKeys.dilation]
    checkpointEvery = values[StudyKeys.checkpointEvery]
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
    let most = nodes.max() ?? 0
    guard strongLanes > 0 || weakLanesPerRank > 0 else {
      throw refuse("neither strong nor weak is given: write strong: LANES for a fixed batch, weak: LANES for lanes of each rank.")
    }
    if strongLanes > 0, most * ranksPerNode > strongLanes {
      throw refuse(
        "\(most) nodes have \(most * ranksPerNode) ranks, more than the \(strongLanes) lanes of strong scaling: "
          + "nothing scales beyond the lanes. Raise strong or leave out the larger numbers of nodes.")
    }
    if compute == .real {
      guard !run.isEmpty else { throw refuse("the key run is missing: name the run file whose steps are timed.") }
      guard averagedValues == 0, dilation == 1, checkpointEvery == 0 else {
        throw refuse(
          "averagedValues, dilation and checkpointEvery are for rehearsals: leave them out, or set compute: replay:FILE.")
      }
    }
  }
}
