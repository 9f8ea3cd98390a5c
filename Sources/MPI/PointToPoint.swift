// Bytes from one rank to one other, at most 256 MiB in a message; an exchange of more travels in pieces.

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

  /// Sends `sent` to `peer`, which calls this too, and fills `received` with what that sends; the two lengths may differ. Sleeps while it waits.
  public func exchange(
    _ sent: UnsafeRawBufferPointer, for received: UnsafeMutableRawBufferPointer, with peer: Int
  ) throws(MPIError) {
    guard let handle else { return }
    for start in stride(from: 0, to: max(sent.count, received.count), by: largestMessageBytes) {
      let out = piece(of: sent.count, from: start), into = piece(of: received.count, from: start)
      var receiving: MPI_Request? = nil, sending: MPI_Request? = nil
      // int MPI_Irecv(void *buf, int count, MPI_Datatype datatype, int source, int tag, MPI_Comm comm, MPI_Request *request)
      try mpi("MPI_Irecv") {
        MPI_Irecv(
          received.baseAddress.map { $0 + into.start }, into.count, cohort_mpi_byte(), Int32(peer), tag, handle, &receiving)
      }
      // int MPI_Isend(const void *buf, int count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm, MPI_Request *request)
      try mpi("MPI_Isend") {
        MPI_Isend(sent.baseAddress.map { $0 + out.start }, out.count, cohort_mpi_byte(), Int32(peer), tag, handle, &sending)
      }
      try wait(for: &receiving, longestSleep: NetworkReduction.longestSleep)
      try wait(for: &sending, longestSleep: NetworkReduction.longestSleep)
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

/// The piece of a message of `bytes` bytes that begins at `start`; an empty one behind its end.
private func piece(of bytes: Int, from start: Int) -> (start: Int, count: Int32) {
  (min(start, bytes), Int32(min(largestMessageBytes, max(0, bytes - start))))
}
