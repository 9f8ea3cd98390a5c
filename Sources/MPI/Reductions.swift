// Reductions over all ranks, in place.

import CMPI

/// How a reduction combines the values of the ranks.
public enum Reduction: Sendable {
  case sum, maximum, bitwiseOr
}

/// The element types that may travel in a typed message.
public enum MessageType: Sendable {
  case float, double, int64, uint64
}

/// A number that MPI can reduce.
public protocol MessageElement: BitwiseCopyable, Sendable {
  static var messageType: MessageType { get }
}

extension Float: MessageElement { public static var messageType: MessageType { .float } }
extension Double: MessageElement { public static var messageType: MessageType { .double } }
extension Int64: MessageElement { public static var messageType: MessageType { .int64 } }
extension UInt64: MessageElement { public static var messageType: MessageType { .uint64 } }

/// The most bytes that are reduced at once. The library takes as much memory besides, and where that is 32 MiB and more the system hands out fresh
/// pages for it each time, which take three times as long as the reduction.
private let largestPieceBytes = 16 << 20

extension Communicator {
  /// Combines `values` of all ranks element by element; every rank gets the result in place. All ranks pass the same count.
  ///
  /// A sum of integers is the same on any number of ranks; the association of a floating-point sum is the library's choice.
  public func allreduce<Element: MessageElement>(
    _ values: UnsafeMutableBufferPointer<Element>, _ reduction: Reduction
  ) throws(MPIError) {
    guard let handle, size > 1 else { return }
    try barrier()
    if values.count * MemoryLayout<Element>.stride >= NetworkReduction.leastBytes, try !isOnOneHost() {
      return try allreduceOverNetwork(values, reduction)
    }
    try inPieces(of: values) { (piece) throws(MPIError) in
      // int MPI_Allreduce(const void *sendbuf, void *recvbuf, int count, MPI_Datatype datatype, MPI_Op op, MPI_Comm comm)
      try mpi("MPI_Allreduce") {
        MPI_Allreduce(
          cohort_mpi_in_place(), piece.baseAddress, Int32(piece.count), datatype(Element.messageType), operation(reduction),
          handle)
      }
    }
  }

  /// Combines an array of all ranks element by element, in place; arrays of all ranks have the same count.
  public func allreduce<Element: MessageElement>(_ values: inout [Element], _ reduction: Reduction) throws(MPIError) {
    try values.withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in try allreduce(buffer, reduction) }
  }

  /// The combination of one value of each rank.
  public func allreduce<Element: MessageElement>(_ value: Element, _ reduction: Reduction) throws(MPIError) -> Element {
    var values = [value]
    try allreduce(&values, reduction)
    return values[0]
  }
}

/// Calls `body` for consecutive pieces of at most `largestPieceBytes`.
func inPieces<Element>(
  of values: UnsafeMutableBufferPointer<Element>, _ body: (UnsafeMutableBufferPointer<Element>) throws(MPIError) -> Void
) throws(MPIError) {
  let most = largestPieceBytes / MemoryLayout<Element>.stride
  for first in stride(from: 0, to: values.count, by: most) {
    try body(UnsafeMutableBufferPointer(rebasing: values[first..<min(first + most, values.count)]))
  }
}

func datatype(_ type: MessageType) -> MPI_Datatype {
  switch type {
  case .float: cohort_mpi_float()
  case .double: cohort_mpi_double()
  case .int64: cohort_mpi_int64()
  case .uint64: cohort_mpi_uint64()
  }
}

func operation(_ reduction: Reduction) -> MPI_Op {
  switch reduction {
  case .sum: cohort_mpi_sum()
  case .maximum: cohort_mpi_max()
  case .bitwiseOr: cohort_mpi_bitwise_or()
  }
}
