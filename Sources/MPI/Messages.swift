// Bytes and texts from one rank to all and from all ranks to one. Messages of more than 256 MiB travel in pieces.

import CMPI

extension Communicator {
  /// Every rank's `buffer` becomes a copy of `root`'s. All ranks pass the same count.
  public func broadcast(_ buffer: UnsafeMutableRawBufferPointer, from root: Int = 0) throws(MPIError) {
    guard let handle, size > 1 else { return }
    try barrier()
    try inPieces(of: buffer) { (piece) throws(MPIError) in
      // int MPI_Bcast(void *buffer, int count, MPI_Datatype datatype, int root, MPI_Comm comm)
      try mpi("MPI_Bcast") { MPI_Bcast(piece.baseAddress, Int32(piece.count), cohort_mpi_byte(), Int32(root), handle) }
    }
  }

  /// Every rank's array becomes a copy of `root`'s. All ranks pass the same count.
  public func broadcast(_ values: inout [Float], from root: Int = 0) throws(MPIError) {
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try broadcast(UnsafeMutableRawBufferPointer(buffer), from: root)
    }
  }

  /// `root`'s bytes, of any length; what the other ranks pass is ignored.
  public func broadcast(bytes: [UInt8], from root: Int = 0) throws(MPIError) -> [UInt8] {
    guard size > 1 else { return bytes }
    let length = try allreduce(rank == root ? UInt64(bytes.count) : 0, .maximum)
    var copy = rank == root ? bytes : [UInt8](repeating: 0, count: Int(length))
    try copy.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
      try broadcast(UnsafeMutableRawBufferPointer(buffer), from: root)
    }
    return copy
  }

  /// `root`'s text; what the other ranks pass is ignored.
  public func broadcast(text: String, from root: Int = 0) throws(MPIError) -> String {
    String(decoding: try broadcast(bytes: Array(text.utf8), from: root), as: UTF8.self)
  }

  /// The message of each rank, of any length, in rank order; nil on the ranks other than `root`.
  public func gather(bytes: [UInt8], to root: Int = 0) throws(MPIError) -> [[UInt8]]? {
    guard let handle, size > 1 else { return [bytes] }
    var lengths = [Int64](repeating: 0, count: size)
    lengths[rank] = Int64(bytes.count)
    try allreduce(&lengths, .sum)
    guard rank == root else {
      var message = bytes
      try message.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
        try inPieces(of: UnsafeMutableRawBufferPointer(buffer)) { (piece) throws(MPIError) in
          // int MPI_Send(const void *buf, int count, MPI_Datatype datatype, int dest, int tag, MPI_Comm comm)
          try mpi("MPI_Send") { MPI_Send(piece.baseAddress, Int32(piece.count), cohort_mpi_byte(), Int32(root), 0, handle) }
        }
      }
      return nil
    }
    var messages: [[UInt8]] = []
    for source in 0..<size {
      var message = source == root ? bytes : [UInt8](repeating: 0, count: Int(lengths[source]))
      if source != root {
        try message.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in
          try receive(into: UnsafeMutableRawBufferPointer(buffer), from: source, handle)
        }
      }
      messages.append(message)
    }
    return messages
  }

  /// The message of each rank in rank order, on every rank.
  public func allgather(bytes: [UInt8]) throws(MPIError) -> [[UInt8]] {
    let gathered = try gather(bytes: bytes) ?? []
    var lengths = [Int64](repeating: 0, count: size)
    for (rank, message) in gathered.enumerated() { lengths[rank] = Int64(message.count) }
    try allreduce(&lengths, .sum)
    let joined = try broadcast(bytes: Array(gathered.joined()))
    var start = 0
    return lengths.map { length in
      defer { start += Int(length) }
      return Array(joined[start..<start + Int(length)])
    }
  }

  /// The text of each rank in rank order, on every rank.
  public func allgather(text: String) throws(MPIError) -> [String] {
    try allgather(bytes: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  private func receive(into buffer: UnsafeMutableRawBufferPointer, from source: Int, _ handle: MPI_Comm) throws(MPIError) {
    try inPieces(of: buffer) { (piece) throws(MPIError) in
      // int MPI_Recv(void *buf, int count, MPI_Datatype datatype, int source, int tag, MPI_Comm comm, MPI_Status *status)
      try mpi("MPI_Recv") {
        MPI_Recv(
          piece.baseAddress, Int32(piece.count), cohort_mpi_byte(), Int32(source), 0, handle, cohort_mpi_status_ignore())
      }
    }
  }
}

/// The most bytes in one message: counts are C ints.
let largestMessageBytes = 256 << 20

/// Calls `body` for consecutive pieces of at most `largestMessageBytes`.
private func inPieces(
  of buffer: UnsafeMutableRawBufferPointer, _ body: (UnsafeMutableRawBufferPointer) throws(MPIError) -> Void
) throws(MPIError) {
  var start = 0
  while start < buffer.count {
    let end = min(start + largestMessageBytes, buffer.count)
    try body(UnsafeMutableRawBufferPointer(rebasing: buffer[start..<end]))
    start = end
  }
}
