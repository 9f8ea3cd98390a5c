// Saving by all ranks together, led by rank 0: lay out, write slabs, verify what was written, commit by renaming.
// Every stage ends in agreement, so all ranks succeed or all throw the same error, and a failed save leaves nothing behind.

import Files
import Foundation
import MPI

extension CheckpointStore {
  /// Saves `state`, which is equal on all ranks, and removes superseded checkpoints. Collective.
  ///
  /// - Throws: the same `ClusterError` on every rank if anything failed on any; older checkpoints are then untouched and training may go on.
  public func save(_ state: CheckpointState, over communicator: borrowing Communicator) throws(ClusterError) -> CheckpointRecord {
    let name = Self.name(step: state.step)
    let temporary = "\(folder)/\(Self.temporaryPrefix)\(name)"
    do throws(ClusterError) {
      var manifest = try layOut(state, in: temporary, over: communicator)
      try writeSlabs(of: state, &manifest, in: temporary, over: communicator)
      try verifyNeighbour(manifest, in: temporary, over: communicator)
      try synchronizeState(in: temporary, over: communicator)
      return try commit(manifest, temporary, as: name, over: communicator)
    } catch {
      if communicator.rank == 0, lease?.isHeld != false { try? FileManager.default.removeItem(atPath: temporary) }
      throw error
    }
  }

  /// Each rank reads blocks that another one wrote: what is committed was seen in the file by another process.
  private func verifyNeighbour(
    _ manifest: CheckpointManifest, in temporary: String, over communicator: borrowing Communicator
  ) throws(ClusterError) {
    let (neighbour, ranks) = ((communicator.rank + 1) % communicator.size, communicator.size)
    try together(over: communicator) { _ in
      for vector in manifest.vectors {
        try manifest.verify(
          blocks: evenRun(of: vector.blocks.count, part: neighbour, of: ranks), of: vector,
          in: "\(temporary)/\(CheckpointManifest.stateName)")
      }
      try CheckpointPoint.verify.reach()
    }
  }

  /// Every rank forces what its host still holds to the disk. Much of it is there by now: writing began with the first piece and went on while the
  /// blocks were checked.
  private func synchronizeState(in temporary: String, over communicator: borrowing Communicator) throws(ClusterError) {
    try together(over: communicator) { _ in
      try clustered { () throws(FileError) in try synchronize("\(temporary)/\(CheckpointManifest.stateName)") }
      try CheckpointPoint.synchronize.reach()
    }
  }

  /// Rank 0 writes the manifest and renames the folder: that is the commit.
  private func commit(
    _ manifest: CheckpointManifest, _ temporary: String, as name: String, over communicator: borrowing Communicator
  ) throws(ClusterError) -> CheckpointRecord {
    var manifest = manifest
    let rank = communicator.rank
    try together(over: communicator) { _ in
      guard rank == 0 else { return }
      let state = "\(temporary)/\(CheckpointManifest.stateName)"
      manifest.fileBytes = try clustered { () throws(FileError) in try fileSize(state) }
      manifest.restChecksum = try manifest.restChecksum(of: state)
      try write(manifest, in: temporary)
      try lease?.requireHeld()
      try replace(name, by: temporary)
      try CheckpointPoint.commit.reach()
      // Only a hint for people and scripts: loading scans the folder, so failing to write it loses nothing.
      try? writeDurably(Array(name.utf8), to: "\(folder)/\(Self.latestName)")
      try CheckpointPoint.latest.reach()
      try removeSuperseded(except: name)
    }
    manifest.fileBytes = try clustered { () throws(MPIError) in
      Int(try communicator.allreduce(Int64(manifest.fileBytes), .maximum))
    }
    return manifest.record("\(folder)/\(name)")
  }

  private func exists(_ path: String) -> Bool {
    var facts = stat()
    return lstat(path, &facts) == 0
  }

  private func write(_ manifest: CheckpointManifest, in temporary: String) throws(ClusterError) {
    let path = "\(temporary)/\(CheckpointManifest.fileName)"
    try clustered { () throws(FileError) in try writeSynchronized(try seal(manifest), to: path + ".tmp") }
    try CheckpointPoint.manifestWritten.reach()
    try clustered { () throws(FileError) in try moveDurably(path + ".tmp", to: path) }
    try CheckpointPoint.manifestNamed.reach()
  }

  /// Gives a finished folder its name. A checkpoint that has the name is set aside first and removed last, so that at no time there is none;
  /// `removeLeftovers` puts it back where a job died in between.
  private func replace(_ name: String, by temporary: String) throws(ClusterError) {
    let (path, aside) = ("\(folder)/\(name)", "\(folder)/\(Self.replacedPrefix)\(name)")
    // What is no whole checkpoint may be anything: it is kept.
    if exists(path), (try? CheckpointManifest(folder: path)) == nil { _ = quarantine(name) }
    let isReplaced = exists(path)
    if isReplaced {
      try? FileManager.default.removeItem(atPath: aside)
      try clustered { () throws(FileError) in try moveDurably(path, to: aside) }
    }
    do throws(ClusterError) {
      if isReplaced { try CheckpointPoint.replaced.reach() }
      try clustered { () throws(FileError) in try moveDurably(temporary, to: path) }
    } catch {
      if isReplaced { rename(aside, path) }
      throw error
    }
    if isReplaced { try? FileManager.default.removeItem(atPath: aside) }
  }
}
