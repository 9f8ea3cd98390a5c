// The folder of a run's checkpoints: which there are, which is best, which may go. A checkpoint is a folder `step-00001200` with `state.h5` and a
// manifest that validates; names that begin with a dot are unfinished or being removed, `quarantine-` are damaged ones kept for inspection.

import Files
import Foundation

/// The `checkpoints` folder of a run. Saving and loading: `CheckpointStore+Save.swift`, `CheckpointStore+Load.swift`.
public struct CheckpointStore: Sendable {
  /// The folder that holds the step folders; made when first needed.
  public let folder: String
  /// How many of the newest are kept, at least 1, besides the best.
  public let keep: Int

  public init(folder: String, keep: Int = 3) { (self.folder, self.keep) = (folder, max(1, keep)) }

  static let stepPrefix = "step-"
  static let temporaryPrefix = ".tmp-"
  static let trashPrefix = ".trash-"
  static let quarantinePrefix = "quarantine-"
  static let bestName = "BEST"
  static let latestName = "LATEST"

  /// The name of a step's folder.
  static func name(step: Int) -> String {
    let digits = String(step)
    return stepPrefix + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  /// All checkpoints whose manifest validates, oldest first.
  public func list() -> [CheckpointRecord] {
    stepFolders().compactMap { name in
      let path = "\(folder)/\(name)"
      return (try? CheckpointManifest(folder: path)).map { $0.record(path) }
    }
  }

  /// The checkpoint named best, if it is still there.
  public var best: CheckpointRecord? {
    let name = (try? readAll("\(folder)/\(Self.bestName)")).map { String(decoding: $0, as: UTF8.self) }
    return name.flatMap { name in list().first { ($0.path as NSString).lastPathComponent == name } }
  }

  /// Names the checkpoint of `step` best: it is kept until another one is named. On rank 0.
  public func markBest(step: Int) throws(ClusterError) {
    let name = Self.name(step: step)
    guard stepFolders().contains(name) else {
      throw ClusterError("There is no checkpoint of step \(step) in \(folder). Save it before naming it best.")
    }
    try clustered { () throws(FileError) in try writeDurably(Array(name.utf8), to: "\(folder)/\(Self.bestName)") }
  }

  /// The step folder that `path` means: itself, the newest in a folder of checkpoints, or the newest of a run's `checkpoints` folder.
  public static func locate(_ path: String) throws(ClusterError) -> String {
    if FileManager.default.fileExists(atPath: "\(path)/\(CheckpointManifest.fileName)") { return path }
    for folder in [path, "\(path)/checkpoints"] {
      if let newest = CheckpointStore(folder: folder).stepFolders().last { return "\(folder)/\(newest)" }
    }
    throw ClusterError(
      "\(path) is not a checkpoint and holds none. Name a folder step-…, a folder of such folders, or the folder of a run.")
  }

  /// The names of all step folders, oldest first, whatever their state.
  func stepFolders() -> [String] {
    entries { $0.hasPrefix(Self.stepPrefix) && Int($0.dropFirst(Self.stepPrefix.count)) != nil }
      .sorted { (Int($0.dropFirst(Self.stepPrefix.count)) ?? 0) < (Int($1.dropFirst(Self.stepPrefix.count)) ?? 0) }
  }

  /// Removes what is neither among the newest `keep` nor the best. The newest was verified when it was saved, so a good one always stays.
  func removeSuperseded() {
    let best = (best?.path as NSString?)?.lastPathComponent
    for name in stepFolders().dropLast(keep) where name != best { remove(name) }
  }

  /// Removes what earlier jobs left unfinished. Only where no other job writes here: see `RunLease`.
  func removeLeftovers() {
    for name in entries({ $0.hasPrefix(Self.temporaryPrefix) || $0.hasPrefix(Self.trashPrefix) }) {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
  }

  /// Removes a step folder. The rename uncommits it in one step: a half-removed checkpoint is never seen.
  func remove(_ name: String) {
    let trash = "\(folder)/\(Self.trashPrefix)\(name)"
    try? FileManager.default.removeItem(atPath: trash)
    guard rename("\(folder)/\(name)", trash) == 0 else { return }
    try? FileManager.default.removeItem(atPath: trash)
  }

  /// Puts a damaged checkpoint aside under a free name, which is returned.
  func quarantine(_ name: String) -> String {
    var number = 1
    var aside = "\(folder)/\(Self.quarantinePrefix)\(name)"
    while FileManager.default.fileExists(atPath: aside) {
      number += 1
      aside = "\(folder)/\(Self.quarantinePrefix)\(name)-\(number)"
    }
    rename("\(folder)/\(name)", aside)
    return aside
  }

  private func entries(_ isWanted: (String) -> Bool) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter(isWanted)
  }
}

extension CheckpointManifest {
  func record(_ folder: String) -> CheckpointRecord {
    CheckpointRecord(step: step, path: folder, bytes: fileBytes, created: created)
  }
}
