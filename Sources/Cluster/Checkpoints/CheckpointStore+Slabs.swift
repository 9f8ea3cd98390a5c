// The values of a checkpoint on their way into the file: each writer's blocks piece by piece, checked for numbers that are not finite, summed while
// they are in the cache, written, and pushed towards the disk while the next piece is worked on.

import Files
import Foundation
import HDF5
import MPI

extension CheckpointStore {
  /// Blocks that are written at once: 4 MiB, which the caches of most processors hold from the checksum to the copy.
  private static let blocksPerPiece = 4

  /// The manifest's writers write their blocks of each vector; the checksums of all blocks, taken from memory, reach the manifest of every rank.
  func writeSlabs(
    of state: CheckpointState, _ manifest: inout CheckpointManifest, in temporary: String,
    over communicator: borrowing Communicator
  ) throws(ClusterError) {
    let path = "\(temporary)/\(CheckpointManifest.stateName)"
    let (rank, writers) = (communicator.rank, manifest.writerRanks)
    // Opening is collective and hangs or fails oddly where one node does not see the file yet: look first.
    try together(over: communicator) { _ in _ = try clustered { () throws(FileError) in try fileSize(path) }
    }
    for index in manifest.vectors.indices {
      manifest.vectors[index].blocks = [UInt64](repeating: 0, count: manifest.blockCount(manifest.vectors[index].count))
    }
    try together(over: communicator) { _ in
      if writers > 1 {
        let file = try clustered { () throws(H5Error) in try File.open(path, writable: true, over: communicator) }
        try writePart(rank, of: writers, state, &manifest, closing: file)
      } else if rank == 0 {
        let file = try clustered { () throws(H5Error) in try File.open(path, writable: true) }
        try writePart(0, of: 1, state, &manifest, closing: file)
      }
    }
    // Where this rank wrote nothing its sums are zero.
    var sums = Array(manifest.vectors.map(\.blocks).joined())
    try clustered { () throws(MPIError) in try communicator.allreduce(&sums, .sum) }
    for index in manifest.vectors.indices {
      let count = manifest.vectors[index].blocks.count
      manifest.vectors[index].blocks = Array(sums.prefix(count))
      sums.removeFirst(count)
    }
  }

  /// The file is opened by all together, but each piece is one run of bytes that its rank writes alone: in a collective transfer a rank whose disk is
  /// full leaves the others waiting for ever (measured with both MPI-IO layers of Open MPI 4.1.4), and two-phase exchange gains nothing here.
  /// A failure must not keep a rank out of what is collective, opening arrays and closing: it is remembered and thrown at the end.
  private func writePart(
    _ part: Int, of parts: Int, _ state: CheckpointState, _ manifest: inout CheckpointManifest, closing file: consuming File
  ) throws(ClusterError) {
    try file.closing({ ClusterError($0.description) }) { (file) throws(ClusterError) in
      var failure: ClusterError? = nil
      do throws(ClusterError) { try CheckpointPoint.open.reach() } catch { failure = error }
      for index in manifest.vectors.indices {
        let blocks = evenRun(of: manifest.vectors[index].blocks.count, part: part, of: parts)
        do throws(ClusterError) {
          try write(blocks: blocks, of: state.vectors[index].values, &manifest, index, to: file)
        } catch { failure = failure ?? error }
      }
      if let failure { throw failure }
    }
    try CheckpointPoint.close.reach()
  }

  private func write(
    blocks: Range<Int>, of values: [Float], _ manifest: inout CheckpointManifest, _ index: Int, to file: borrowing File
  ) throws(ClusterError) {
    let vector = manifest.vectors[index]
    let array = try clustered { () throws(H5Error) in try file.open(array: "/vec/\(vector.name)") }
    var failure: ClusterError? = nil
    for first in stride(from: blocks.lowerBound, to: blocks.upperBound, by: Self.blocksPerPiece) where failure == nil {
      let piece = first..<min(first + Self.blocksPerPiece, blocks.upperBound)
      do throws(ClusterError) {
        for block in piece { manifest.vectors[index].blocks[block] = try soundSum(of: block, of: values, manifest, vector) }
        try write(manifest.elements(ofBlocks: piece, in: vector), of: values, to: array)
        beginSynchronizing(file.path, manifest.place(ofBlocks: piece, of: vector))
        try CheckpointPoint.slab.reach()
      } catch { failure = error }
    }
    do throws(H5Error) { try array.close() } catch { failure = failure ?? ClusterError(error.description) }
    if let failure { throw failure }
  }

  private func write(_ elements: Range<Int>, of values: [Float], to array: borrowing OpenArray) throws(ClusterError) {
    try clustered { () throws(H5Error) in
      try values.withUnsafeBufferPointer { (values) throws(H5Error) in
        try array.write(
          UnsafeBufferPointer(rebasing: values[elements]), slab: Slab(start: [elements.lowerBound], count: [elements.count]))
      }
    }
  }

  /// The checksum of a block of numbers that are all finite: a state that is not must never become the one to resume from.
  private func soundSum(
    of block: Int, of values: [Float], _ manifest: CheckpointManifest, _ vector: CheckpointManifest.Vector
  ) throws(ClusterError) -> UInt64 {
    let elements = manifest.elements(ofBlocks: block..<block + 1, in: vector)
    return try values.withUnsafeBufferPointer { (values) throws(ClusterError) in
      let numbers = UnsafeBufferPointer(rebasing: values[elements])
      var largest: Int32 = 0
      for index in 0..<numbers.count { largest = max(largest, MagnitudeBits.of(numbers[index])) }
      guard largest < MagnitudeBits.infinity else {
        throw ClusterError(
          "The vector \(vector.name) holds a value that is not finite at step \(manifest.step); it was not saved. "
            + "Resume from an older checkpoint with a lower learning rate.")
      }
      return manifest.checksum(of: UnsafeRawBufferPointer(numbers))
    }
  }
}
