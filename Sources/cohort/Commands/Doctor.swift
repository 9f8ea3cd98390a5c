// `cohort doctor`: is this host, or are all hosts of a job, fit to train? One line for each thing looked at, and a verdict.

import ArgumentParser
import Cluster
import Foundation
import MPI
import Training

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check hosts, network, disk and data before a run.",
    discussion:
      "Bare it checks this host; under mpirun or srun all hosts of the job; with --hostfile it starts itself on the hosts "
      + "of that file, over the network that they share. It ends with 0, or with 4 if training would fail.")

  @Option(help: "Hosts to check, as mpirun knows them: this finds their common network and starts mpirun.")
  var hostfile: String?
  @Option(help: "Run folder, or where one will be made: file system, speed, a parallel write.")
  var folder: String?
  @Option(help: "Folder that `cohort prepare` wrote: the same everywhere, and readable.")
  var data: String?
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    if let hostfile {
      let options = (folder.map { ["--folder=\($0)"] } ?? []) + (data.map { ["--data=\($0)"] } ?? []) + (json ? ["--json"] : [])
      return try reportingErrors { try examineHosts(of: hostfile, arguments: ["doctor"] + options, isQuiet: json) }
    }
    // No process may be started once MPI runs.
    let launch = LaunchCheck()
    let plan = DoctorPlan(folder: folder, slurmJob: launch.isFirst ? slurmJobDescription() : nil, launch: launch)
    try withRanks(alwaysMPI: true) { world in
      let checks = [threadChoice] + doctorCatalog + (data.map { [dataCheck($0)] } ?? [])
      let report = try examine(checks, plan: plan, over: world)
      if world.rank == 0 { try show(report) }
      let hasProblems = try world.allreduce(UInt64(report.hasProblems ? 1 : 0), .maximum) > 0
      return hasProblems ? Cluster.ExitCode.preflight.rawValue : 0
    }
  }

  private func show(_ report: DoctorReport) throws {
    if json { return try printJSON(report) }
    for finding in report.findings { print(finding.text) }
    print("\n\(report.verdict) \(report.seconds.formatted(decimals: 1)) s")
  }
}

/// Gives each rank the threads that training would give it, for all checks after it.
private let threadChoice = DoctorCheck("hosts") { world, _ in
  try RankPlacement(over: world).chooseThreads(0)
  return []
}

/// The output of `scontrol show job` for this job; nil outside a job or without an answer in 5 seconds.
private func slurmJobDescription() -> String? {
  guard let job = ProcessInfo.processInfo.environment["SLURM_JOB_ID"] else { return nil }
  guard let answer = try? output(of: ["scontrol", "show", "job", job], limit: 5), answer.status == 0 else { return nil }
  return answer.text
}
