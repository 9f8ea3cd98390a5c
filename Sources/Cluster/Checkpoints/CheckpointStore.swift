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
  /// Checkpoints of multiples of so many steps are kept for good; 0: none.
  public let keepEvery: Int
  public let backend: CheckpointBackend
  /// On rank 0, what must be held whenever something is written here; nil where nobody else can.
  public var lease: RunLease?

  public init(folder: String, keep: Int = 3, keepEvery: Int = 0, backend: CheckpointBackend = .auto) {
    (self.folder, self.keep, self.keepEvery, self.backend) = (folder, max(1, keep), keepEvery, backend)
  }

  static let stepPrefix = "step-"
  static let temporaryPrefix = ".tmp-"
  static let trashPrefix = ".trash-"
  static let replacedPrefix = ".replaced-"
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
    return name.flatMap { name in list().first { lastName(of: $0.path) == name } }
  }

  /// Names the checkpoint of `step` best: it is kept until another one is named. On rank 0.
  public func markBest(step: Int) throws(ClusterError) {
    let name = Self.name(step: step)
    guard stepFolders().contains(name) else {
      throw ClusterError("There is no checkpoint of step \(step) in \(folder). Save it before naming it best.")
    }
    try clustered { () throws(FileError) in try writeDurably(Array(name.utf8), to: "\(folder)/\(Self.bestName)") }
  }

  /// The step folder that `path` means: itself, the newest in a folder of checkpoints, or the newest of a run's `checkpoints` folder; with `/best` after
  /// a folder the best one there.
  public static func locate(_ path: String) throws(ClusterError) -> String {
    if FileManager.default.fileExists(atPath: "\(path)/\(CheckpointManifest.fileName)") { return path }
    if lastName(of: path).lowercased() == bestName.lowercased() { return try locateBest(in: parentFolder(of: path)) }
    for folder in [path, "\(path)/checkpoints"] {
      if let newest = CheckpointStore(folder: folder).stepFolders().last { return "\(folder)/\(newest)" }
    }
    throw ClusterError(
      "\(path) is not a checkpoint and holds none. Name a folder step-…, a folder of such folders, or the folder of a run.")
  }

  private static func locateBest(in folder: String) throws(ClusterError) -> String {
    let run = folder.isEmpty ? "." : folder
    for folder in [run, "\(run)/checkpoints"] { if let found = CheckpointStore(folder: folder).best { return found.path } }
    throw ClusterError(
      "\(run) names no checkpoint best: only validations on cases held out from training do (validation.fold, validation.cases), so name \(run) for its newest."
    )
  }

  /// The names of all step folders, oldest first, whatever their state.
  func stepFolders() -> [String] {
    entries { $0.hasPrefix(Self.stepPrefix) && Int($0.dropFirst(Self.stepPrefix.count)) != nil }
      .sorted { (Int($0.dropFirst(Self.stepPrefix.count)) ?? 0) < (Int($1.dropFirst(Self.stepPrefix.count)) ?? 0) }
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

  func entries(_ isWanted: (String) -> Bool) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter(isWanted)
  }
}

extension CheckpointManifest {
  func record(_ folder: String) -> CheckpointRecord {
    CheckpointRecord(step: step, path: folder, bytes: fileBytes, created: created)
  }
}
