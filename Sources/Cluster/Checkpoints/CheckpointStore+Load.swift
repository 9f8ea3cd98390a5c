// Reading checkpoints: one by a process of its own, or the newest by all ranks. These read and verify it each for itself; what rank 0 finds damaged
// is set aside for an older one, and a rank whose host does not see what rank 0 sees gets it from rank 0.

import Files
import Foundation
import MPI

extension CheckpointStore {
  /// Reads a checkpoint and checks every byte of it. `path` as for `locate`.
  ///
  /// A vector whose place has its length is read to there: memory that is in use already takes half the time of fresh memory, which the
  /// system has to clear. If this throws, what lies in the places is undefined.
  public static func load(path: String, into places: ChoosePlaces = noPlaces) throws(ClusterError) -> CheckpointState {
    let folder = try locate(path)
    let manifest = try CheckpointManifest(folder: folder)
    let state = "\(folder)/\(CheckpointManifest.stateName)"
    try manifest.verifyFrame(of: state)
    let (index, metadata) = try readTexts(of: state, manifest)
    let places = places(metadata)
    var loaded = CheckpointState(step: manifest.step, vectors: [], index: index, metadata: metadata)
    for vector in manifest.vectors {
      try loaded.add(vector.name, count: vector.count, places) { (place) throws(ClusterError) in
        try manifest.readVerified(vector, from: state, into: place)
      }
    }
    return loaded
  }

  /// The newest checkpoint that verifies, on every rank; nil if there is none at all. Collective, at the start of a run.
  ///
  /// Damaged ones are renamed `quarantine-…`, never deleted, and `report` is called for each on rank 0. What earlier jobs left unfinished is removed.
  /// `places` as for `load`, choosing the same names and lengths on every rank.
  /// - Throws: on every rank, if checkpoints exist but all are damaged, or the newest intact one was written by a newer version.
  public func loadLatest(
    over communicator: borrowing Communicator, into places: ChoosePlaces = noPlaces,
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
      do throws(ClusterError) {
        try together(over: communicator) { world in if world.rank == 0 { _ = try outcome.get() } }
      } catch {
        if error.isNewerFormat || error.isCommunication { throw error }
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

  public static func reportOnStandardError(_ text: String) { complain("cohort: \(text)") }

  /// Rank 0's state on every rank.
  private func share(
    _ state: CheckpointState?, _ places: ChoosePlaces, over communicator: borrowing Communicator
  ) throws(ClusterError) -> CheckpointState {
    let encoded = state.map { SharedHeader($0, places($0.metadata)).encoded } ?? []
    let header = SharedHeader(decoding: try clustered { () throws(MPIError) in try communicator.broadcast(bytes: encoded) })
    let places = places(header.metadata)
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

extension CheckpointState {
  /// Adds a vector that `fill` writes whole: to its place if that has its length, else to an array.
  mutating func add(
    _ name: String, count: Int, _ places: VectorPlaces,
    _ fill: (UnsafeMutableBufferPointer<Float>) throws(ClusterError) -> Void
  ) throws(ClusterError) {
    if let place = places[name], place.count == count {
      try fill(place)
      placed.insert(name)
    } else {
      vectors.append((name, try largeArray(count: count, fill)))
    }
  }
}

/// An array that `fill` writes whole, in large pages where the system has them: page by page, memory comes slower than the file is read.
private func largeArray(
  count: Int, _ fill: (UnsafeMutableBufferPointer<Float>) throws(ClusterError) -> Void
) throws(ClusterError) -> [Float] {
  if let shortage = FreeMemory.shortage(of: count * MemoryLayout<Float>.stride, for: "a vector of the checkpoint") {
    throw ClusterError("\(shortage). Free some memory, or load it on a larger machine.")
  }
  var failure: ClusterError? = nil
  let values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
    let page = 2 << 20, start = UInt(bitPattern: buffer.baseAddress!), first = (start + UInt(page) - 1) / UInt(page) * UInt(page)
    let end = start + UInt(count * MemoryLayout<Float>.stride)
    if first < end { madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_HUGEPAGE) }
    do throws(ClusterError) {
      try fill(UnsafeMutableBufferPointer(start: buffer.baseAddress, count: count))
      filled = count
    } catch { failure = error }
  }
  if let failure { throw failure }
  return values
}
