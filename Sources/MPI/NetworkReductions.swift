// Reductions of long messages between hosts. A blocking one spins for as long as the data travel, on a core that computes meanwhile; the
// non-blocking one lets the rank sleep between two looks, and its algorithm can be chosen.

import CMPI
import Foundation

enum NetworkReduction {
  private static let variable = "OMPI_MCA_coll_libnbc_iallreduce_algorithm"
  private static let ring = "1", halvingAndDoubling = "3"
  /// The message size below which a sleep costs more than it saves.
  static let leastBytes = 64 << 10
  /// Nanoseconds. The library sends no more than a few hundred kilobytes between two looks.
  static let longestSleep = 100_000

  /// Chooses the algorithm unless the user has; before `MPI_Init`, which is when Open MPI looks. Both move each value twice at most, as long as
  /// halving and doubling, which needs fewer messages, is given a power of two of ranks.
  static func choose() {
    let environment = ProcessInfo.processInfo.environment
    let ranks = ["OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"].lazy.compactMap { environment[$0].flatMap(Int.init) }.first ?? 0
    setenv(variable, ranks.nonzeroBitCount == 1 ? halvingAndDoubling : ring, 0)
  }

  /// Whether a sum may replace what it is made of, which saves a pass over the memory. Open MPI's ring would add to values that it has overwritten,
  /// and it takes the ring, whatever it was set to, where there are fewer values than ranks.
  static func worksInPlace(count: Int, ranks: Int) -> Bool { canWorkInPlace && count >= ranks }
  private static let canWorkInPlace = getenv(variable).map { String(cString: $0) == halvingAndDoubling } ?? false
}

extension Communicator {
  /// Combines values as `allreduce` does, by `MPI_Iallreduce`. All ranks have arrived before.
  package func allreduceOverNetwork<Element: MessageElement>(
    _ values: UnsafeMutableBufferPointer<Element>, _ reduction: Reduction
  ) throws(MPIError) {
    guard size > 1 else { return }
    try inPieces(of: values) { (piece) throws(MPIError) in try reducePiece(piece, reduction) }
  }

  private func reducePiece<Element: MessageElement>(
    _ piece: UnsafeMutableBufferPointer<Element>, _ reduction: Reduction
  ) throws(MPIError) {
    let copy =
      NetworkReduction.worksInPlace(count: piece.count, ranks: size)
      ? nil : UnsafeMutablePointer<Element>.allocate(capacity: piece.count)
    defer { copy?.deallocate() }
    copy?.initialize(from: piece.baseAddress!, count: piece.count)
    var request: MPI_Request? = nil
    // int MPI_Iallreduce(const void *sendbuf, void *recvbuf, int count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Request *request)
    try mpi("MPI_Iallreduce") {
      MPI_Iallreduce(
        copy.map { UnsafeMutableRawPointer($0) } ?? cohort_mpi_in_place(), piece.baseAddress, Int32(piece.count),
        datatype(Element.messageType), operation(reduction),
        handle, &request)
    }
    try wait(for: &request, longestSleep: NetworkReduction.longestSleep)
  }
}
