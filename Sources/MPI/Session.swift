// Starting and ending MPI: one owner for each process, on the main thread.

import CMPI
import Foundation

/// MPI from `MPI_Init_thread` to `MPI_Finalize`; `world` holds all ranks of the job, which is one rank when the program was started bare.
///
/// A process initialises MPI at most once. Commands that need no other rank use `Communicator.alone` and never create a session.
public struct Session: ~Copyable {
  public let world: Communicator
  private var isFinalized = false

  /// Initialises MPI for calls from one thread at a time (`MPI_THREAD_SERIALIZED`) and makes errors of `world` return.
  ///
  /// Open MPI spins inside its calls. Unless the user has set `mpi_yield_when_idle`, it is set to yield the core meanwhile, so that
  /// ranks which share cores do not starve each other where they cannot wait as `Communicator.barrier` does. Takes about half a
  /// second where the program was started without mpirun.
  public init() throws(MPIError) {
    setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0)
    ParallelIO.choose()
    NetworkReduction.choose()
    LocalMessages.choose()
    var provided: Int32 = 0
    // int MPI_Init_thread(int *argc, char ***argv, int required, int *provided)
    try mpi("MPI_Init_thread") { MPI_Init_thread(nil, nil, Int32(MPI_THREAD_SERIALIZED), &provided) }
    guard provided >= Int32(MPI_THREAD_SERIALIZED) else {
      throw MPIError(
        call: "MPI_Init_thread", reason: "this MPI library offers thread level \(provided), below MPI_THREAD_SERIALIZED",
        hint: "Use an MPI library that was built with thread support.")
    }
    self.world = try Communicator(handle: cohort_mpi_comm_world(), owned: false)
  }

  /// Ends MPI. Every rank calls it, after every communicator and parallel file is closed.
  public consuming func finalize() throws(MPIError) {
    isFinalized = true
    // int MPI_Finalize(void)
    try mpi("MPI_Finalize") { MPI_Finalize() }
  }

  deinit { if !isFinalized { stop("An MPI session was dropped without finalize(); call it on every path, or abort the job.") } }
}

/// Ends every rank of the job with `code` where MPI runs, else this process only.
public func abort(code: Int32) -> Never {
  var initialized: Int32 = 0
  var finalized: Int32 = 0
  MPI_Initialized(&initialized)
  MPI_Finalized(&finalized)
  // int MPI_Abort(MPI_Comm comm, int errorcode)
  if initialized != 0, finalized == 0 { MPI_Abort(cohort_mpi_comm_world(), code) }
  exit(code)
}

/// Ends the process with a text; a function because a bare `fatalError` in a `deinit` draws a warning.
func stop(_ text: String) { fatalError(text) }
