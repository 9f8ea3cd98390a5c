// The exact command of a measurement: the launcher with its ranks on the study's first nodes, and `cohort scale measure`.

import Cluster
import Files
import Foundation

extension Study {
  /// Nodes that the launcher can reach: those of the hostfile, else of the Slurm job, else this one.
  var availableNodes: Int {
    get throws(ScalingError) {
      if self.launcher == .mpirun, let hostfile = self.hostfile {
        do { return Set(try Hostfile(path: hostfile).hosts.map(\.name)).count } catch { throw ScalingError(error.description) }
      }
      return ProcessInfo.processInfo.environment["SLURM_JOB_NUM_NODES"].flatMap { Int($0) } ?? 1
    }
  }

  /// Throws if the launcher has more than one node but fewer than the study asks for. On one node alone all ranks share it, and
  /// the study is called emulated.
  public func checkNodes() throws(ScalingError) {
    let available = try availableNodes
    guard available == 1 || self.nodes.last! <= available else {
      throw ScalingError(
        "The study asks for \(self.nodes.last!) nodes and \(self.hostfile ?? "the job") has \(available): "
          + "add hosts or leave out points."
      )
    }
    guard self.launcher == .mpirun || ProcessInfo.processInfo.environment["SLURM_JOB_ID"] != nil else {
      throw ScalingError(
        "launcher: srun works inside a Slurm job: submit with `sbatch slurm/scaling.sbatch`, or set launcher: mpirun.")
    }
  }

  /// The words of the launcher for a point.
  func launch(_ point: StudyPoint) throws(ScalingError) -> [String] {
    switch self.launcher {
    case .srun:
      return [
        "srun", "--mpi=pmix", "--nodes=\(point.nodes)", "--ntasks=\(point.ranks)", "--ntasks-per-node=\(self.ranksPerNode)",
        "--cpus-per-task=\(self.threads)", "--wait=60",
      ] + self.arguments
    case .mpirun:
      let hosts = self.hostfile.map { ["--hostfile", realPath($0)] } ?? []
      let mapping = try availableNodes > 1 ? ["--map-by", "ppr:\(self.ranksPerNode):node"] : ["--oversubscribe"]
      return mpirunCommand + hosts + mapping + ["--bind-to", "none", "-x", "OMP_NUM_THREADS", "-n", "\(point.ranks)"]
        + self.arguments
    }
  }

  /// The whole command for a point.
  /// - Parameters:
  ///   - program: the path of `cohort`.
  ///   - folder: where the ranks leave what they measured.
  public func command(_ point: StudyPoint, program: String, folder: String) throws(ScalingError) -> [String] {
    var words = try launch(point) + [program, "scale", "measure"]
    if point.kind == .allreduce {
      let sizes = self.allreduceSizes.map(String.init).joined(separator: ",")
      return words + ["--allreduce", sizes, "--output", folder]
    }
    switch self.compute {
    case .real: words += [self.runFile ?? ""] + self.overrides + (self.stage.map { ["--stage", $0] } ?? [])
    case .replay(let file):
      words += ["--compute", "replay:\(file)", "--seed", "\(self.seed &+ UInt64(point.repetition))"]
      if self.averagedValues > 0 { words += ["--averaged-values", "\(self.averagedValues)"] }
      if self.dilation != 1 { words += ["--dilation", "\(self.dilation)"] }
      if self.checkpointEvery > 0 { words += ["--checkpoint-every", "\(self.checkpointEvery)"] }
    }
    return words + ["--lanes", "\(point.lanes)", "--warmup", "\(self.warmup)", "--steps", "\(self.steps)", "--output", folder]
  }

  /// The variables that the command needs.
  public var environment: [String: String] { ["OMP_NUM_THREADS": "\(self.threads)"] }

  /// The command as one would type it.
  public func shown(_ command: [String]) -> String {
    (environment.map { "\($0.key)=\($0.value)" } + command.map(quoted)).joined(separator: " ")
  }
}
