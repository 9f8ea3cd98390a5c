// Saving by all ranks together, led by rank 0 (shared/spec/distributed.md 4.5): lay out, write slabs, verify what was written, commit by renaming.
// Every stage ends in agreement, so all ranks succeed or all throw the same error, and a failed save leaves nothing behind.

import Files
import Foundation
import HDF5
import MPI

extension CheckpointStore {
  /// Saves `state`, which is equal on all ranks, and removes superseded checkpoints. Collective.
  ///
  /// - Throws: the same `ClusterError` on every rank if anything failed on any; older checkpoints are then untouched and training may go on.
  public func save(_ state: CheckpointState, over communicator: borrowing Communicator) throws(ClusterError) -> CheckpointRecord {
    let name = Self.name(step: state.step)
    let temporary = "\(folder)/\(Self.temporaryPrefix)\(name)"
    do throws(ClusterError) {
      try together(over: communicator) { () throws(ClusterError) in
        try checkFinite(state, rank: communicator.rank, of: communicator.size)
      }
      var manifest = try layOut(state, in: temporary, over: communicator)
      try writeSlabs(of: state, &manifest, in: temporary, over: communicator)
      try verifyNeighbour(manifest, in: temporary, over: communicator)
      return try commit(manifest, temporary, as: name, over: communicator)
    } catch {
      if communicator.rank == 0 { try? FileManager.default.removeItem(atPath: temporary) }
      throw error
    }
  }

  /// A state that is not finite must never become the one to resume from. Each rank looks at its part.
  private func checkFinite(_ state: CheckpointState, rank: Int, of ranks: Int) throws(ClusterError) {
    for (name, values) in state.vectors {
      guard !values.isEmpty else { throw ClusterError("The vector \(name) is empty. Leave it out of the checkpoint.") }
      let part = evenRun(of: values.count, part: rank, of: ranks)
      let largest = values.withUnsafeBufferPointer { values in
        part.reduce(into: Int32(0)) { $0 = max($0, MagnitudeBits.of(values[$1])) }
      }
      guard largest < MagnitudeBits.infinity else {
        throw ClusterError(
          "The vector \(name) holds a value that is not finite at step \(state.step); it was not saved. "
            + "Resume from an older checkpoint with a lower learning rate.")
      }
    }
  }

  /// Each rank writes its blocks of each vector; the checksums of all blocks, taken from memory, reach the manifest of every rank.
  private func writeSlabs(
    of state: CheckpointState, _ manifest: inout CheckpointManifest, in temporary: String,
    over communicator: borrowing Communicator
  ) throws(ClusterError) {
    let path = "\(temporary)/\(CheckpointManifest.stateName)"
    let (rank, ranks) = (communicator.rank, communicator.size)
    // Opening is collective and hangs or fails oddly where one node does not see the file yet: look first.
    try together(over: communicator) { () throws(ClusterError) in _ = try clustered { () throws(FileError) in try fileSize(path) }
    }
    let layout = manifest
    try together(over: communicator) { () throws(ClusterError) in
      try clustered { () throws(H5Error) in
        try File.open(path, writable: true, over: communicator).closing { (file) throws(H5Error) in
          try write(state, layout, rank: rank, of: ranks, to: file)
        }
      }
    }
    for (index, content) in state.vectors.enumerated() {
      var sums = layout.blockSums(of: content.values, part: rank, of: ranks)
      try clustered { () throws(MPIError) in try communicator.allreduce(&sums, .sum) }
      manifest.vectors[index].blocks = sums.map { UInt32($0) }
    }
  }

  /// The file is opened by all together, but each slab is one run of bytes that its rank writes alone: in a collective transfer a rank whose disk is
  /// full leaves the others waiting for ever (measured with both MPI-IO layers of Open MPI 4.1.4), and two-phase exchange gains nothing here.
  /// A failure must not keep a rank out of the collective flush: it is remembered and thrown at the end.
  private func write(
    _ state: CheckpointState, _ layout: CheckpointManifest, rank: Int, of ranks: Int, to file: borrowing File
  ) throws(H5Error) {
    var failure: H5Error? = nil
    for (vector, content) in zip(layout.vectors, state.vectors) {
      let elements = layout.elements(part: rank, of: ranks, in: vector)
      do throws(H5Error) {
        try content.values.withUnsafeBufferPointer { (values) throws(H5Error) in
          try file.write(
            UnsafeBufferPointer(rebasing: values[elements]), to: "/vec/\(vector.name)",
            slab: Slab(start: [elements.lowerBound], count: [elements.count]))
        }
      } catch { failure = failure ?? error }
    }
    do throws(H5Error) { try file.flush() } catch { failure = failure ?? error }
    if let failure { throw failure }
  }

  /// Each rank reads the blocks that the next one wrote: what is committed was seen to be on disk (or in its cache) by another process.
  private func verifyNeighbour(
    _ manifest: CheckpointManifest, in temporary: String, over communicator: borrowing Communicator
  ) throws(ClusterError) {
    let (neighbour, ranks) = ((communicator.rank + 1) % communicator.size, communicator.size)
    try together(over: communicator) { () throws(ClusterError) in
      for vector in manifest.vectors {
        try manifest.verify(
          blocks: evenRun(of: vector.blocks.count, part: neighbour, of: ranks), of: vector,
          in: "\(temporary)/\(CheckpointManifest.stateName)")
      }
    }
  }

  /// Rank 0 forces everything to the disk and renames the folder: that is the commit.
  private func commit(
    _ manifest: CheckpointManifest, _ temporary: String, as name: String, over communicator: borrowing Communicator
  ) throws(ClusterError) -> CheckpointRecord {
    var manifest = manifest
    let rank = communicator.rank
    try together(over: communicator) { () throws(ClusterError) in
      guard rank == 0 else { return }
      let state = "\(temporary)/\(CheckpointManifest.stateName)"
      manifest.fileBytes = try clustered { () throws(FileError) in
        try synchronize(state)
        return try fileSize(state)
      }
      manifest.restChecksum = try manifest.restChecksum(of: state)
      try clustered { () throws(FileError) in
        try writeDurably(try seal(manifest), to: "\(temporary)/\(CheckpointManifest.fileName)")
        remove(name)
        try moveDurably(temporary, to: "\(folder)/\(name)")
      }
      // Only a hint for people and scripts: loading scans the folder, so failing to write it loses nothing.
      try? writeDurably(Array(name.utf8), to: "\(folder)/\(Self.latestName)")
      removeSuperseded()
    }
    manifest.fileBytes = try clustered { () throws(MPIError) in
      Int(try communicator.allreduce(Int64(manifest.fileBytes), .maximum))
    }
    return manifest.record("\(folder)/\(name)")
  }
}
