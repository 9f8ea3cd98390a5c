// How ranks wait for each other without taking a core from those that still compute.
//
// Open MPI spins inside its blocking calls, and yielding is not sleeping: a rank that computes and one that waits on the same core get half of it
// each. So every collective call of this module begins here: a rank asks whether all have arrived and sleeps between two questions, the longer the
// longer it has waited. What follows takes only as long as the data do.

import CMPI
import Foundation

/// Questions that are asked one after the other before the first sleep: ranks that arrive together lose no time.
private let promptQuestions = 64
/// Nanoseconds. A sleep is a sixteenth of the wait so far, so that at most that share is lost.
private let shortestSleep = 20_000, longestSleep = 1_000_000

extension Communicator {
  /// Returns when every rank has called it. Sleeps meanwhile.
  public func barrier() throws(MPIError) {
    guard let handle, size > 1 else { return }
    var request: MPI_Request? = nil
    // int MPI_Ibarrier(MPI_Comm comm, MPI_Request *request)
    try mpi("MPI_Ibarrier") { MPI_Ibarrier(handle, &request) }
    try wait(for: &request, longestSleep: longestSleep)
  }

  /// Returns when what was asked for is done. Sleeps meanwhile, for `longestSleep` nanoseconds at a time at most.
  func wait(for request: inout MPI_Request?, longestSleep: Int) throws(MPIError) {
    // The watch may look during a sleep, and must see that this rank waits for others.
    MPIActivity.enter()
    defer { MPIActivity.leave() }
    let started = DispatchTime.now().uptimeNanoseconds
    for question in 0... {
      var isDone: Int32 = 0
      // int MPI_Test(MPI_Request *request, int *flag, MPI_Status *status)
      try mpi("MPI_Test") { MPI_Test(&request, &isDone, cohort_mpi_status_ignore()) }
      if isDone != 0 { return }
      if question < promptQuestions { continue }
      let waited = Int(DispatchTime.now().uptimeNanoseconds - started)
      var pause = timespec(tv_sec: 0, tv_nsec: min(max(waited / 16, shortestSleep), longestSleep))
      nanosleep(&pause, nil)
    }
  }
}
