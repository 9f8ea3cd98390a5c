// Which checkpoints may go, and removing them so that a half-removed one is never taken for whole.

import Files
import Foundation

extension CheckpointStore {
  /// Removes whole checkpoints that are neither among the newest `keep`, nor a multiple of `keepEvery`, nor the best, nor `verified`, which was read
  /// back when it was saved: whatever becomes of the others on the disk, one that was seen to be good stays. Damaged ones do not count as kept and
  /// are left alone: loading sets them aside.
  func removeSuperseded(except verified: String) throws(ClusterError) {
    let whole = list().filter { (try? fileSize("\($0.path)/\(CheckpointManifest.stateName)")) == $0.bytes }
    let best = best?.step
    for record in whole.dropLast(keep) where record.step != best && !(keepEvery > 0 && record.step % keepEvery == 0) {
      let name = Self.name(step: record.step)
      if name != verified { try remove(name) }
    }
  }

  /// Removes a step folder. The rename uncommits it in one step: a half-removed checkpoint is never seen.
  private func remove(_ name: String) throws(ClusterError) {
    let trash = "\(folder)/\(Self.trashPrefix)\(name)"
    try? FileManager.default.removeItem(atPath: trash)
    guard rename("\(folder)/\(name)", trash) == 0 else { return }
    try CheckpointPoint.retention.reach()
    try? FileManager.default.removeItem(atPath: trash)
  }

  /// Removes what earlier jobs left unfinished, and puts back a checkpoint that one of them set aside and did not replace. Only where no other job
  /// writes here: see `RunLease`.
  func removeLeftovers() {
    for name in entries({ $0.hasPrefix(Self.replacedPrefix + Self.stepPrefix) }) {
      // Fails, as it should, where the new one has the name.
      rename("\(folder)/\(name)", "\(folder)/\(name.dropFirst(Self.replacedPrefix.count))")
    }
    let prefixes = [Self.temporaryPrefix, Self.trashPrefix, Self.replacedPrefix].map { $0 + Self.stepPrefix }
    for name in entries({ name in prefixes.contains { name.hasPrefix($0) } }) {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
  }
}
