// Reductions that the caller does: every rank gets one part of what all ranks have, makes the result of it, and all gather the results.
// Where the result is shorter than what it is made of, less travels than in `MPI_Allreduce`; a value is sent twice, however many ranks
// there are, and no rank waits for what another must receive first, as in a ring.

import CMPI

/// The most values that are exchanged at once: of 8 bytes each they fill as much memory as the pieces of an allreduce.
private let mostValues = 2 << 20

extension Communicator {
  /// Result number i of every rank is made of value number i of all ranks. All ranks pass the same counts. Collective.
  ///
  /// - Parameters:
  ///   - results: as many; they may take the place of the values.
  ///   - combine: makes some of the results. `sources` are the values for them of each rank in rank order. It is called for parts, all
  ///     of which together are `results` over all ranks.
  public func allreduce<Element: MessageElement>(
    _ values: UnsafeBufferPointer<Element>, into results: UnsafeMutableBufferPointer<Float>,
    combining combine: (_ sources: [UnsafePointer<Element>], _ results: UnsafeMutableBufferPointer<Float>) -> Void
  ) throws(MPIError) {
    for first in stride(from: 0, to: values.count, by: mostValues) {
      let piece = first..<min(first + mostValues, values.count)
      try reduceParts(
        of: UnsafeBufferPointer(rebasing: values[piece]), into: UnsafeMutableBufferPointer(rebasing: results[piece]), combine)
    }
  }

  private func reduceParts<Element: MessageElement>(
    of values: UnsafeBufferPointer<Element>, into results: UnsafeMutableBufferPointer<Float>,
    _ combine: ([UnsafePointer<Element>], UnsafeMutableBufferPointer<Float>) -> Void
  ) throws(MPIError) {
    let offsets = (0...size).map { values.count * $0 / size }
    let part = offsets[rank]..<offsets[rank + 1]
    let received = UnsafeMutablePointer<Element>.allocate(capacity: max(1, part.count * (size - 1)))
    defer { received.deallocate() }
    // What a rank has itself stays where it is; the others' parts lie one after the other in `received`.
    let places = (0..<size).map { ($0 < rank ? $0 : $0 - 1) * part.count }
    try exchange(values, offsets, into: received, places, count: part.count)
    let start = values.baseAddress!
    combine(
      (0..<size).map { $0 == rank ? start + part.lowerBound : UnsafePointer(received + places[$0]) },
      UnsafeMutableBufferPointer(rebasing: results[part]))
    try gatherParts(of: results, offsets)
  }

  /// Sends every other rank its part and receives its values for the part of this rank, `count` of them, at `places`.
  private func exchange<Element: MessageElement>(
    _ values: UnsafeBufferPointer<Element>, _ offsets: [Int], into received: UnsafeMutablePointer<Element>, _ places: [Int],
    count: Int
  ) throws(MPIError) {
    guard let handle, size > 1 else { return }
    let others = (0..<size).map { $0 != rank }, type = datatype(Element.messageType)
    let sent = PartLists((0..<size).map { others[$0] ? offsets[$0 + 1] - offsets[$0] : 0 }, at: Array(offsets.dropLast()))
    let taken = PartLists(others.map { $0 ? count : 0 }, at: places.map { max($0, 0) })
    var request: MPI_Request? = nil
    // int MPI_Ialltoallv(const void *sendbuf, const int sendcounts[], const int sdispls[], MPI_Datatype sendtype, void *recvbuf,
    //                    const int recvcounts[], const int rdispls[], MPI_Datatype recvtype, MPI_Comm comm, MPI_Request *request)
    try mpi("MPI_Ialltoallv") {
      MPI_Ialltoallv(
        values.baseAddress, sent.counts, sent.offsets, type, received, taken.counts, taken.offsets, type, handle, &request)
    }
    try wait(for: &request, longestSleep: NetworkReduction.longestSleep)
    withExtendedLifetime((sent, taken)) {}
  }

  /// Fills in the parts of the other ranks.
  private func gatherParts(of results: UnsafeMutableBufferPointer<Float>, _ offsets: [Int]) throws(MPIError) {
    guard let handle, size > 1 else { return }
    let parts = PartLists((0..<size).map { offsets[$0 + 1] - offsets[$0] }, at: Array(offsets.dropLast()))
    var request: MPI_Request? = nil
    // int MPI_Iallgatherv(const void *sendbuf, int sendcount, MPI_Datatype sendtype, void *recvbuf, const int recvcounts[],
    //                     const int displs[], MPI_Datatype recvtype, MPI_Comm comm, MPI_Request *request)
    try mpi("MPI_Iallgatherv") {
      MPI_Iallgatherv(
        cohort_mpi_in_place(), 0, cohort_mpi_float(), results.baseAddress, parts.counts, parts.offsets, cohort_mpi_float(),
        handle,
        &request)
    }
    try wait(for: &request, longestSleep: NetworkReduction.longestSleep)
    withExtendedLifetime(parts) {}
  }
}

/// Lists that MPI may read until a request is done, so they must not move.
private final class PartLists {
  let counts: UnsafeMutablePointer<Int32>
  let offsets: UnsafeMutablePointer<Int32>

  init(_ counts: [Int], at offsets: [Int]) {
    func copy(_ numbers: [Int]) -> UnsafeMutablePointer<Int32> {
      let pointer = UnsafeMutablePointer<Int32>.allocate(capacity: numbers.count)
      for (index, number) in numbers.enumerated() { pointer[index] = Int32(number) }
      return pointer
    }
    (self.counts, self.offsets) = (copy(counts), copy(offsets))
  }

  deinit {
    counts.deallocate()
    offsets.deallocate()
  }
}
