// The exact command of a measurement: the launcher with its ranks on the study's first nodes, and `cohort scale measure`.

import Cluster
import Foundation

extension Study {
  /// Nodes that the launcher can reach: those of the hostfile, else of the Slurm job, else this one.
  var availableNodes: Int {
    get throws(ScalingError) {
      if launcher == .mpirun, !hostfile.isEmpty {
        do { return Set(try Hostfile(path: hostfile).hosts.map(\.name)).count } catch { throw ScalingError(error.description) }
      }
      return ProcessInfo.processInfo.environment["SLURM_JOB_NUM_NODES"].flatMap { Int($0) } ?? 1
    }
  }

  /// Throws if the launcher has more than one node but fewer than the study asks for. On one node alone all ranks share it, and
  /// the study is called emulated.
  public func checkNodes() throws(ScalingError) {
    let available = try availableNodes
    guard available == 1 || nodes.last! <= available else {
      throw ScalingError(
        "The study asks for \(nodes.last!) nodes and \(hostfile.isEmpty ? "the job" : hostfile) has \(available): "
          + "add hosts or leave out points."
      )
    }
    guard launcher == .mpirun || ProcessInfo.processInfo.environment["SLURM_JOB_ID"] != nil else {
      throw ScalingError(
        "launcher: srun works inside a Slurm job: submit with `sbatch slurm/scaling.sbatch`, or set launcher: mpirun.")
    }
  }

  /// The words of the launcher for a point.
  func launch(_ point: StudyPoint) throws(ScalingError) -> [String] {
    switch launcher {
    case .srun:
      return [
        "srun", "--mpi=pmix", "--nodes=\(point.nodes)", "--ntasks=\(point.ranks)", "--ntasks-per-node=\(ranksPerNode)",
        "--cpus-per-task=\(threads)", "--wait=60",
      ] + arguments
    case .mpirun:
      let hosts = hostfile.isEmpty ? [] : ["--hostfile", hostfile]
      let mapping = try availableNodes > 1 ? ["--map-by", "ppr:\(ranksPerNode):node"] : ["--oversubscribe"]
      return ["mpirun"] + hosts + mapping + ["--bind-to", "none", "-x", "OMP_NUM_THREADS", "-n", "\(point.ranks)"] + arguments
    }
  }

  /// The whole command for a point.
  /// - Parameters:
  ///   - program: the path of `cohort`.
  ///   - folder: where the ranks leave what they measured.
  public func command(_ point: StudyPoint, program: String, folder: String) throws(ScalingError) -> [String] {
    var words = try launch(point) + [program, "scale", "measure"]
    if point.kind == .allreduce {
      let sizes = allreduceSizes.map(String.init).joined(separator: ",")
      return words + ["--allreduce", sizes, "--output", folder]
    }
    switch compute {
    case .real: words += [run] + overrides
    case .replay(let file):
      words += ["--compute", "replay:\(file)", "--seed", "\(seed &+ UInt64(point.repetition))"]
      if averagedValues > 0 { words += ["--averaged-values", "\(averagedValues)"] }
      if dilation != 1 { words += ["--dilation", "\(dilation)"] }
      if checkpointEvery > 0 { words += ["--checkpoint-every", "\(checkpointEvery)"] }
    }
    return words + ["--lanes", "\(point.lanes)", "--warmup", "\(warmup)", "--steps", "\(steps)", "--output", folder]
  }

  /// The variables that the command needs.
  public var environment: [String: String] { ["OMP_NUM_THREADS": "\(threads)"] }

  /// The command as one would type it.
  public func shown(_ command: [String]) -> String {
    (environment.map { "\($0.key)=\($0.value)" } + command.map(quoted)).joined(separator: " ")
  }
}
