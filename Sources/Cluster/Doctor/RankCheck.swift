// Whether all ranks belong to one job of the right size and run the same program with the same settings.

import Files
import Foundation
import MPI

let rankCheck = DoctorCheck("ranks") { world, plan in
  let all = try gathered(RankFacts(ranks: world.size, plan.launch), over: world)
  return world.rank == 0 ? judge(all) : []
}

/// How the names of variables begin that libraries other than MPI read; mpirun passes them on to other hosts only when told with
/// -x.
public let librarySettings = ["OMP_", "OPENBLAS_", "DNNL_", "ONEDNN_", "UCX_", "HDF5_", "COHORT_"]

/// Facts of a rank's program and its start.
package struct RankFacts: Codable, Sendable {
  let ranks: Int
  /// Ranks that the launcher reports to have started.
  let expectedRanks: Int?
  let library: String
  let threadLevel: String
  /// CRC-32 of the running program, hexadecimal.
  let program: String
  /// Settings of libraries from the environment that change results or transports.
  let settings: String
  let folder: String

  init(ranks: Int, _ launch: LaunchCheck) {
    self.ranks = ranks
    expectedRanks = launch.expectedRanks
    library = Session.library
    threadLevel = Session.threadLevel
    program = (try? readAll("/proc/self/exe")).map { hexadecimal(checksum(of: $0)) } ?? "unreadable"
    settings = Self.settings(ProcessInfo.processInfo.environment)
    folder = FileManager.default.currentDirectoryPath
  }

  /// Variables that every rank should see alike; mpirun's own, which differ from rank to rank, are not among them.
  package static func settings(_ environment: [String: String]) -> String {
    let prefixes = librarySettings + ["btl", "pml", "coll", "mtl", "io", "fs", "fcoll", "fbtl", "mpi"].map { "OMPI_MCA_\($0)" }
    let chosen = environment.filter { entry in prefixes.contains { entry.key.hasPrefix($0) } }
    return chosen.isEmpty ? "none" : chosen.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
  }
}

private func judge(_ all: [Placed<RankFacts>]) -> [Finding] {
  let facts = all[0].facts, hosts = all.onePerHost().count
  let size = "\(facts.ranks) on \(hosts) host\(hosts == 1 ? "" : "s")"
  let ranks: Finding =
    if let expected = facts.expectedRanks, expected != facts.ranks {
      .warning(
        "ranks", "\(size), but the launcher or the Slurm job says \(expected)",
        hint: "leave -n out of the mpirun or srun line, or change --ntasks, unless this is on purpose")
    } else {
      .ok("ranks", size + (facts.expectedRanks == nil ? ", started without a launcher" : ", as started"))
    }
  let install = "install the same Debian packages on all hosts"
  return [
    ranks,
    sameEverywhere("MPI library", all, hint: install) { $0.library },
    sameEverywhere("MPI threads", all, hint: install) { $0.threadLevel },
    sameEverywhere("program", all, hint: "copy the same build of cohort to the same path on all hosts") {
      "checksum \($0.program)"
    },
    sameEverywhere(
      "library settings", all, hint: "give them to mpirun with -x NAME=VALUE or --mca NAME VALUE, which reach every host"
    ) { $0.settings },
    sameEverywhere("working folder", all, hint: "start from a folder that has the same path on all hosts") { $0.folder },
  ]
}
