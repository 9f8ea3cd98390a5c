// `cohort scale measure`: one measurement of a study, on the ranks that the launcher started.

import ArgumentParser
import Cluster
import MPI
import Scaling
import Training

extension Scale {
  struct Measure: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Time a few steps, or allreduces, on the ranks of the launcher; what `cohort scale run` starts.",
      discussion:
        "Three kinds: the steps of a run file; with --compute replay:FILE sleeps in place of its kernels; "
        + "with --allreduce SIZES messages alone."
    )

    @Argument(help: "Run file (YAML).")
    var file: String?
    @Argument(help: "Keys that replace those of the run file.")
    var overrides: [String] = []
    @Option(help: "Stage of the run file whose steps are timed; its first without it.")
    var stage: String?
    @Option(help: "real, or replay:FILE with lane times that `cohort scale record` wrote.")
    var compute = "real"
    @Option(help: "Message sizes whose allreduce is timed instead of steps: 4K,64K,1M or 4K..128M.")
    var allreduce: String?
    @Option(help: "Lanes of all ranks.")
    var lanes = 1
    @Option(help: "Steps that are dropped at the start.")
    var warmup = 3
    @Option(help: "Steps that count.")
    var steps = 10
    @Option(help: "Seed of a replay's draws.")
    var seed: UInt64 = 1
    @Option(help: "Replay: values that a step averages, in place of the recorded number.")
    var averagedValues: Int?
    @Option(help: "Replay: how many times longer to sleep.")
    var dilation = 1.0
    @Option(help: "Replay: steps between checkpoints that are written; 0 for none.")
    var checkpointEvery = 0
    @Option(help: "New folder for measured.json and what the run writes.")
    var output: String

    func validate() throws {
      try inRange([
        ("lanes", lanes, 1...1_000_000), ("warmup", warmup, 0...mostRepeats), ("steps", steps, 1...mostRepeats),
        ("averaged-values", averagedValues ?? 1, 1...LaneTrace.mostValues),
        ("checkpoint-every", checkpointEvery, 0...100_000_000),
      ])
      try inRange([("dilation", dilation, 1e-3...1e6)])
    }

    /// What is timed.
    private enum Subject {
      case messages([Int])
      case rehearsal(LaneTrace)
      case run(file: String)
    }

    private func subject() throws -> Subject {
      if let allreduce { return .messages(try messageSizes(allreduce)) }
      if case .replay(let path) = try StudyCompute(compute) { return .rehearsal(try LaneTrace(path: path)) }
      guard let file else {
        throw ScalingError("Nothing to measure: name a run file, or give --compute replay:FILE or --allreduce SIZES.")
      }
      return .run(file: file)
    }

    func run() throws {
      try withStoppableRanks { world in
        let subject = try together(over: world) { _ in try self.subject() }
        let (code, run) = try measure(subject, over: world)
        if world.rank == 0 { try run?.write(to: output) }
        return code
      }
    }

    private func measure(_ subject: Subject, over world: borrowing Communicator) throws -> (code: Int32, run: MeasuredRun?) {
      let count = StepCount(warmup: warmup, steps: steps, lanes: lanes)
      switch subject {
      case .messages(let sizes): return (0, try measureMessages(sizes, over: world))
      case .run(let file):
        return try measureTraining(
          file: file, overrides: overrides, stage: stage, count: count, folder: output, over: world)
      case .rehearsal(let trace):
        _ = try together(over: world) { world in try LanePlan(lanes: lanes, ranks: world.size) }
        let plan = ReplayPlan(
          count: count, seed: seed, averagedValues: averagedValues, dilation: dilation, checkpointEvery: checkpointEvery,
          folder: output)
        return (0, try replay(trace, plan, over: world))
      }
    }
  }
}
