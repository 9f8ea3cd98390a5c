// How the ranks of a job on one host talk: through shared memory alone. Open MPI would listen at TCP ports on every network besides, which nobody needs
// there, and where connections of strangers use up the files that a process may open.

import Foundation

enum LocalMessages {
  /// Chooses, unless the user has; before `MPI_Init`, which is when Open MPI looks.
  static func choose() {
    let environment = ProcessInfo.processInfo.environment
    func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
    let isOneHost =
      if let ranks = number("OMPI_COMM_WORLD_SIZE") {
        number("OMPI_COMM_WORLD_LOCAL_SIZE") == ranks
      } else {
        number("SLURM_STEP_NUM_NODES") == 1 || environment["PMIX_RANK"] == nil
      }
    if isOneHost { setenv("OMPI_MCA_btl", "self,vader", 0) }
  }
}
