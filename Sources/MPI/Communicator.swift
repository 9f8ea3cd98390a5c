// A group of ranks that talk to each other. Freeing one is collective, so it is explicit: a forgotten close traps, a second one does not compile.

import CMPI
import Foundation

/// The ranks of a job (`Session.world`), a duplicate with its own message space, or this process alone without MPI (`Communicator.alone`).
///
/// Not `Sendable`: calls come from one thread at a time, which is the caller's to see to.
public struct Communicator: ~Copyable {
  /// nil for `alone`.
  package let handle: MPI_Comm?
  /// This process's number, `0 ..< size`.
  public let rank: Int
  public let size: Int
  private let hosts = KnownHosts()
  private let owned: Bool
  private var isClosed = false

  /// One rank without MPI: every collective is the identity, and MPI need not be initialised.
  public static var alone: Communicator { Communicator() }

  private init() { (handle, rank, size, owned) = (nil, 0, 1, false) }

  init(handle: MPI_Comm, owned: Bool) throws(MPIError) {
    var rank: Int32 = 0
    var size: Int32 = 0
    // int MPI_Comm_set_errhandler(MPI_Comm comm, MPI_Errhandler errhandler)
    try mpi("MPI_Comm_set_errhandler") { MPI_Comm_set_errhandler(handle, cohort_mpi_errors_return()) }
    try mpi("MPI_Comm_rank") { MPI_Comm_rank(handle, &rank) }
    try mpi("MPI_Comm_size") { MPI_Comm_size(handle, &size) }
    (self.handle, self.rank, self.size, self.owned) = (handle, Int(rank), Int(size), owned)
  }

  /// The same ranks with a message space of their own. Collective.
  public func duplicate() throws(MPIError) -> Communicator {
    guard let handle else { return .alone }
    var copy: MPI_Comm? = nil
    // int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *newcomm)
    try mpi("MPI_Comm_dup") { MPI_Comm_dup(handle, &copy) }
    return try Communicator(handle: try Self.made(copy, by: "MPI_Comm_dup"), owned: true)
  }

  /// The ranks that give the same `color`, in the order that they have here, with a message space of their own. Collective.
  public func split(color: Int) throws(MPIError) -> Communicator {
    guard let handle else { return .alone }
    var part: MPI_Comm? = nil
    // int MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm *newcomm)
    try mpi("MPI_Comm_split") { MPI_Comm_split(handle, Int32(color), Int32(rank), &part) }
    return try Communicator(handle: try Self.made(part, by: "MPI_Comm_split"), owned: true)
  }

  private static func made(_ handle: MPI_Comm?, by call: String) throws(MPIError) -> MPI_Comm {
    guard let handle else {
      throw MPIError(call: call, reason: "the library returned no communicator", hint: MPIError.peerHint)
    }
    return handle
  }

  /// Frees a duplicate or a part; does nothing for `world` and `alone`. Collective.
  public consuming func close() throws(MPIError) { try free() }

  /// Frees the communicator as `close` does, for an owner that lives on: nothing may be called on the communicator afterwards.
  public mutating func free() throws(MPIError) {
    isClosed = true
    guard owned, var freed = handle as MPI_Comm? else { return }
    // int MPI_Comm_free(MPI_Comm *comm)
    try withUnsafeMutablePointer(to: &freed) { (pointer) throws(MPIError) in
      try pointer.withMemoryRebound(to: MPI_Comm?.self, capacity: 1) { (pointer) throws(MPIError) in
        try mpi("MPI_Comm_free") { MPI_Comm_free(pointer) }
      }
    }
  }

  /// Whether all ranks share the memory of one machine. The first question is collective: it sends messages, which a network may not let through.
  func isOnOneHost() throws(MPIError) -> Bool {
    guard let handle else { return true }
    if let known = hosts.areOne { return known }
    var host: MPI_Comm? = nil
    var ranks: Int32 = 0
    // int MPI_Comm_split_type(MPI_Comm comm, int split_type, int key, MPI_Info info, MPI_Comm *newcomm)
    try mpi("MPI_Comm_split_type") {
      MPI_Comm_split_type(handle, Int32(MPI_COMM_TYPE_SHARED), 0, cohort_mpi_info_null(), &host)
    }
    try mpi("MPI_Comm_size") { MPI_Comm_size(host, &ranks) }
    try mpi("MPI_Comm_free") { MPI_Comm_free(&host) }
    hosts.areOne = ranks == size
    return ranks == size
  }

  deinit {
    if owned, !isClosed {
      stop("A communicator was dropped without close(); freeing is collective, so call close() on every rank.")
    }
  }

  /// The name of the machine this process runs on.
  public static var hostName: String { ProcessInfo.processInfo.hostName }
}

/// What a communicator has found out of where its ranks are.
private final class KnownHosts {
  var areOne: Bool?
}
