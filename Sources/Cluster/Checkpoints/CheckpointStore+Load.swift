// Resuming on any number of ranks: rank 0 reads and verifies the newest intact checkpoint, all others get it from rank 0.

import Files
import Foundation
import MPI

extension CheckpointStore {
  /// The newest checkpoint that verifies, on every rank; nil if there is none at all. Collective, at the start of a run.
  ///
  /// Damaged ones are renamed `quarantine-…`, never deleted, and `report` is called for each on rank 0. What earlier jobs left unfinished is removed.
  /// - Throws: on every rank, if checkpoints exist but all are damaged, or the newest intact one was written by a newer version.
  public func loadLatest(
    over communicator: borrowing Communicator, report: (String) -> Void = Self.reportOnStandardError
  ) throws(ClusterError) -> CheckpointState? {
    var state: CheckpointState? = nil
    let rank = communicator.rank
    try together(over: communicator) { () throws(ClusterError) in
      if rank == 0 { state = try newestIntact(report) }
    }
    return try share(state, over: communicator)
  }

  public static func reportOnStandardError(_ text: String) { FileHandle.standardError.write(Data("cohort: \(text)\n".utf8)) }

  private func newestIntact(_ report: (String) -> Void) throws(ClusterError) -> CheckpointState? {
    removeLeftovers()
    let names = stepFolders()
    for name in names.reversed() {
      do throws(ClusterError) {
        return try Self.load(path: "\(folder)/\(name)")
      } catch {
        if error.isNewerFormat { throw error }
        report("\(error) It is kept as \(quarantine(name)).")
      }
    }
    guard names.isEmpty else {
      throw ClusterError(
        "None of the \(names.count) checkpoints in \(folder) is intact; they are kept as \(Self.quarantinePrefix)…. "
          + "Check the disk, then start again from the beginning or from a copy.")
    }
    return nil
  }

  /// Rank 0's state on every rank.
  private func share(_ state: CheckpointState?, over communicator: borrowing Communicator) throws(ClusterError)
    -> CheckpointState?
  {
    guard communicator.size > 1 else { return state }
    return try clustered { () throws(MPIError) in
      let header = try communicator.broadcast(bytes: state.map { SharedHeader($0).encoded } ?? [])
      guard !header.isEmpty else { return nil }
      var copy = state ?? SharedHeader(decoding: header).emptyState
      for index in copy.vectors.indices { try communicator.broadcast(&copy.vectors[index].values) }
      return copy
    }
  }
}

/// All of a state but the values of its vectors.
private struct SharedHeader: Codable {
  var step: Int
  var names: [String]
  var counts: [Int]
  var index: [CheckpointTensor]
  var metadata: [String: String]

  init(_ state: CheckpointState) {
    (step, index, metadata) = (state.step, state.index, state.metadata)
    (names, counts) = (state.vectors.map(\.name), state.vectors.map(\.values.count))
  }

  init(decoding bytes: [UInt8]) {
    guard let header = try? JSONDecoder().decode(SharedHeader.self, from: Data(bytes)) else {
      fatalError("CheckpointStore.loadLatest: rank 0's header cannot be read; all ranks must run the same program")
    }
    self = header
  }

  var encoded: [UInt8] {
    guard let data = try? JSONEncoder().encode(self) else {
      fatalError("CheckpointStore.loadLatest: the header cannot be encoded")
    }
    return Array(data)
  }

  var emptyState: CheckpointState {
    CheckpointState(
      step: step, vectors: zip(names, counts).map { ($0, [Float](repeating: 0, count: $1)) }, index: index, metadata: metadata)
  }
}
