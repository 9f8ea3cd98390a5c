// Which banks of pseudo-labels in the run folder of SFR+ may go: every round makes two, of SAM's labels and of the student's. A run that is resumed
// reads those of its checkpoint's decision; all that comes after is made again.

import Cluster
import Files
import Foundation

extension RoundDecision {
  /// The key of the bank with the student's labels of a round's confident volumes.
  static func studentBank(_ round: Int) -> String { "student-\(round)" }

  /// The keys of the banks that a run reads to go on by this decision.
  var banks: Set<String> { [labels, Self.studentBank(self.round)] }
}

/// Removes the banks of a run folder that neither the present decision nor a checkpoint names; none where a checkpoint cannot be read. On rank 0,
/// after a checkpoint is saved.
///
/// Errors: a bank that cannot be removed.
func removeSupersededBanks(ofRun run: String, needed: Set<String>) throws {
  let folder = PseudoLabelBank.folder(ofRun: run), checkpoints = CheckpointStore(folder: "\(run)/checkpoints").list()
  let unneeded = subfolders(of: folder).filter { !needed.contains($0) }
  guard !unneeded.isEmpty, let named = try? checkpoints.flatMap({ try banks(ofCheckpoint: $0.path) }) else { return }
  for bank in unneeded where !named.contains(bank) { try FileManager.default.removeItem(atPath: "\(folder)/\(bank)") }
}

private func banks(ofCheckpoint path: String) throws -> [String] {
  let metadata = try CheckpointStore.inspect(path: path).metadata
  let decided = try metadata[CheckpointedDecision.key].map { try RoundDecision(text: $0).banks } ?? []
  return decided + [metadata[StudentPseudoLabels.key]].compactMap { $0 }
}

private func subfolders(of folder: String) -> [String] {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  return names.filter { name in
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder) && isFolder.boolValue
  }
}
