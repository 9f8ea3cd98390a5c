// Resuming on any number of ranks: all read and verify the newest checkpoint, each for itself; what rank 0 finds damaged is set aside for an older
// one, and a rank whose host does not see what rank 0 sees gets it from rank 0.

import Files
import Foundation
import MPI

extension CheckpointStore {
  /// The newest checkpoint that verifies, on every rank; nil if there is none at all. Collective, at the start of a run.
  ///
  /// Damaged ones are renamed `quarantine-…`, never deleted, and `report` is called for each on rank 0. What earlier jobs left unfinished is removed.
  /// `places` as for `load`, with the same names and lengths on every rank.
  /// - Throws: on every rank, if checkpoints exist but all are damaged, or the newest intact one was written by a newer version.
  public func loadLatest(
    over communicator: borrowing Communicator, into places: VectorPlaces = [:],
    report: (String) -> Void = Self.reportOnStandardError
  ) throws(ClusterError) -> CheckpointState? {
    let rank = communicator.rank
    if rank == 0 { removeLeftovers() }
    // Rank 0's list is everyone's: ranks that each looked for themselves would go different ways where a file system is slow to agree.
    let listed = rank == 0 ? stepFolders().joined(separator: "\n") : ""
    let names = try clustered { () throws(MPIError) in try communicator.broadcast(text: listed) }.split(separator: "\n").map(
      String.init)
    for name in names.reversed() {
      let outcome: Result<CheckpointState, ClusterError>
      do throws(ClusterError) { outcome = .success(try Self.load(path: "\(folder)/\(name)", into: places)) } catch {
        outcome = .failure(error)
      }
      if let error = try failureOfRankZero(outcome, over: communicator) {
        if error.isNewerFormat { throw error }
        if rank == 0 { report("\(error) It is kept as \(quarantine(name)).") }
        continue
      }
      let state = try? outcome.get()
      let missing = try clustered { () throws(MPIError) in try communicator.allreduce(Int64(state == nil ? 1 : 0), .maximum) }
      return missing == 0 ? state : try share(state, places, over: communicator)
    }
    guard names.isEmpty else {
      throw ClusterError(
        "None of the \(names.count) checkpoints in \(folder) is intact; they are kept as \(Self.quarantinePrefix)…. "
          + "Check the disk, then start again from the beginning or from a copy.", isShared: true)
    }
    return nil
  }

  public static func reportOnStandardError(_ text: String) { FileHandle.standardError.write(Data("cohort: \(text)\n".utf8)) }

  /// Rank 0's error on every rank, nil if it has none.
  private func failureOfRankZero(
    _ outcome: Result<CheckpointState, ClusterError>, over communicator: borrowing Communicator
  ) throws(ClusterError) -> ClusterError? {
    var error: ClusterError? = nil
    if communicator.rank == 0, case .failure(let own) = outcome { error = own }
    return try clustered { () throws(MPIError) in
      guard let text = try agree(error?.description, over: communicator)?.message else { return nil }
      let isNewer = try communicator.allreduce(Int64(error?.isNewerFormat == true ? 1 : 0), .maximum) > 0
      return ClusterError(text, isShared: true, isNewerFormat: isNewer)
    }
  }

  /// Rank 0's state on every rank.
  private func share(
    _ state: CheckpointState?, _ places: VectorPlaces, over communicator: borrowing Communicator
  ) throws(ClusterError) -> CheckpointState {
    let own = state.map { SharedHeader($0, places).encoded } ?? []
    let header = SharedHeader(decoding: try clustered { () throws(MPIError) in try communicator.broadcast(bytes: own) })
    var copy = CheckpointState(step: header.step, vectors: [], index: header.index, metadata: header.metadata)
    for (name, count) in zip(header.names, header.counts) {
      try copy.add(name, count: count, places) { (place) throws(ClusterError) in
        if let values = state?[name] { _ = place.update(fromContentsOf: values) }
        try clustered { () throws(MPIError) in try communicator.broadcast(UnsafeMutableRawBufferPointer(place)) }
      }
    }
    return copy
  }
}

/// All of a state but the values of its vectors.
private struct SharedHeader: Codable {
  var step: Int
  var names: [String]
  var counts: [Int]
  var index: [CheckpointTensor]
  var metadata: [String: String]

  init(_ state: CheckpointState, _ places: VectorPlaces) {
    (step, index, metadata) = (state.step, state.index, state.metadata)
    let placed = state.placed.sorted()
    names = state.vectors.map(\.name) + placed
    counts = state.vectors.map(\.values.count) + placed.map { places[$0]!.count }
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
}
