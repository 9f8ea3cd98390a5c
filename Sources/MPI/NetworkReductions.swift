// Reductions of long messages between hosts. A blocking one spins for as long as the data travel, on a core that computes meanwhile; the
// non-blocking one lets the rank sleep between two looks, and its algorithm can be chosen.

import CMPI
import Foundation

enum NetworkReduction {
  private static let variable = "OMPI_MCA_coll_libnbc_iallreduce_algorithm"
  private static let ring = "1", halvingAndDoubling = "3"
  /// Below, what a sleep costs is more than what it saves.
  static let leastBytes = 64 << 10
  /// Of a message, which is copied because in place the library moves all of it log2(R) times (shared/spec/distributed.md 0).
  static let largestPieceBytes = 16 << 20
  /// Nanoseconds. The library sends no more than a few hundred kilobytes between two looks.
  static let longestSleep = 100_000

  /// Chooses the algorithm unless the user has; before `MPI_Init`, which is when Open MPI looks. Both move each value twice at most, as long as
  /// halving and doubling, which needs fewer messages, is given a power of two of ranks.
  static func choose() {
    let environment = ProcessInfo.processInfo.environment
    let ranks = ["OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"].lazy.compactMap { environment[$0].flatMap(Int.init) }.first ?? 0
    setenv(variable, ranks.nonzeroBitCount == 1 ? halvingAndDoubling : ring, 0)
  }
}

extension Communicator {
  /// As `allreduce`, by `MPI_Iallreduce`. All ranks have arrived before.
  package func allreduceOverNetwork<Element: MessageElement>(
    _ values: UnsafeMutableBufferPointer<Element>, _ reduction: Reduction
  ) throws(MPIError) {
    guard let handle, size > 1, let start = values.baseAddress else { return }
    let most = min(values.count, NetworkReduction.largestPieceBytes / MemoryLayout<Element>.stride)
    let copy = UnsafeMutablePointer<Element>.allocate(capacity: most)
    defer { copy.deallocate() }
    for first in stride(from: 0, to: values.count, by: max(1, most)) {
      let count = min(most, values.count - first), piece = start + first
      copy.update(from: piece, count: count)
      var request: MPI_Request? = nil
      // int MPI_Iallreduce(const void *sendbuf, void *recvbuf, int count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm, MPI_Request *request)
      try mpi("MPI_Iallreduce") {
        MPI_Iallreduce(copy, piece, Int32(count), datatype(Element.messageType), operation(reduction), handle, &request)
      }
      try wait(for: &request, longestSleep: NetworkReduction.longestSleep)
    }
  }
}
