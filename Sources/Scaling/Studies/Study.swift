// A scaling study: which numbers of nodes, how often, how they are started and what is timed. One YAML file with the keys of
// `StudyKeys`.

import Files
import Foundation
import Settings
import Training

/// A study, checked: its settings by their names in `StudyKeys` (`study.steps`).
@dynamicMemberLookup
public struct Study: Sendable {
  private let values: SettingValues
  /// The text that the study was read from.
  public let yaml: String

  /// - Parameter source: the file's name, for messages.
  public init(yaml: String, source: String) throws(ScalingError) {
    self.yaml = yaml
    do throws(SettingsError) {
      let given = try flattened(yaml: yaml, of: StudyKeys.all, source: source)
      values = try SettingValues(given, of: StudyKeys.all, source: source)
    } catch { throw ScalingError(error.description) }
    try check(source)
  }

  /// The value of a key.
  public subscript<Value>(dynamicMember key: KeyPath<StudyKeys, Setting<Value>>) -> Value {
    values[StudyKeys.table[keyPath: key]]
  }

  /// Reads a study file, or the study that a study's folder keeps.
  public init(path: String) throws(ScalingError) {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let file = exists && isFolder.boolValue ? path + "/" + StudyFolder.studyName : path
    let yaml: String
    do { yaml = try readText(file, atMost: longestRunFile) } catch {
      throw ScalingError("Cannot read the study: \(error) Sources/Scaling/STUDIES.md shows one.")
    }
    try self.init(yaml: yaml, source: file)
  }

  private func check(_ source: String) throws(ScalingError) {
    func refuse(_ text: String) -> ScalingError { ScalingError("\(source): \(text)") }
    let most = self.nodes.max() ?? 0
    guard self.strongLanes > 0 || self.weakLanesPerRank > 0 else {
      throw refuse("neither strong nor weak is given: write strong: LANES for a fixed batch, weak: LANES for lanes of each rank.")
    }
    if self.strongLanes > 0, most * self.ranksPerNode > self.strongLanes {
      throw refuse(
        "\(most) nodes have \(most * self.ranksPerNode) ranks, more than the \(self.strongLanes) lanes of strong scaling: "
          + "nothing scales beyond the lanes. Raise strong or leave out the larger numbers of nodes.")
    }
    if self.compute == .real {
      guard self.runFile != nil else { throw refuse("the key run is missing: name the run file whose steps are timed.") }
      guard self.averagedValues == 0, self.dilation == 1, self.checkpointEvery == 0 else {
        throw refuse(
          "averagedValues, dilation and checkpointEvery are for rehearsals: leave them out, or set compute: replay:FILE.")
      }
    }
  }
}
