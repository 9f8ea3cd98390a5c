// Bytes from one rank to one other, at most 256 MiB in a message.

import CMPI

/// Apart from the messages of `gather`, which have tag 0.
private let tag: Int32 = 1

extension Communicator {
  /// Returns when `buffer` may be used again, which may be when `peer` has begun to receive.
  public func send(_ buffer: UnsafeRawBufferPointer, to peer: Int) throws(MPIError) {
    guard let handle else { return }
    // int MPI_Send(const void *buf, int count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm)
    try mpi("MPI_Send") { MPI_Send(buffer.baseAddress, Int32(buffer.count), cohort_mpi_byte(), Int32(peer), tag, handle) }
  }

  /// Fills `buffer` with a message of `peer` that has its length.
  public func receive(into buffer: UnsafeMutableRawBufferPointer, from peer: Int) throws(MPIError) {
    guard let handle else { return }
    // int MPI_Recv(void *buf, int count, MPI_Datatype datatype, int source, int tag, MPI_Comm comm, MPI_Status *status)
    try mpi("MPI_Recv") {
      MPI_Recv(
        buffer.baseAddress, Int32(buffer.count), cohort_mpi_byte(), Int32(peer), tag, handle, cohort_mpi_status_ignore())
    }
  }

  /// Sends a number to rank `peer`, which calls `receiveNumber(from:)`.
  public func send(_ number: Double, to peer: Int) throws(MPIError) {
    try withUnsafeBytes(of: number) { (bytes) throws(MPIError) in try send(bytes, to: peer) }
  }

  /// Waits for a number that rank `peer` sends.
  public func receiveNumber(from peer: Int) throws(MPIError) -> Double {
    var number = 0.0
    try withUnsafeMutableBytes(of: &number) { (bytes) throws(MPIError) in try receive(into: bytes, from: peer) }
    return number
  }
}
