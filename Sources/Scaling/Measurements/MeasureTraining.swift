// Steps of a real run, timed in the training loop itself: the same launch, the same lanes, averaging and control word.

import Cluster
import Files
import Foundation
import MPI
import Training

/// What is asked of the measured steps.
public struct StepCount: Sendable {
  /// Steps that are dropped at the start, and steps that count after them.
  public var warmup: Int
  public var steps: Int
  /// Lanes of all ranks together.
  public var lanes: Int

  public init(warmup: Int, steps: Int, lanes: Int) { (self.warmup, self.steps, self.lanes) = (warmup, steps, lanes) }
}

/// Runs a few steps of a run file in `folder`, which must be empty or missing. Collective.
/// - Parameter stage: the stage of a run file with stages that is timed; nil for the first.
/// - Returns: the exit code; and on rank 0, unless it failed, what was measured.
public func measureTraining(
  file: String, overrides: [String], stage: String? = nil, count: StepCount, folder: String, over world: borrowing Communicator
) throws -> (code: Int32, run: MeasuredRun?) {
  /// The facts of the run, taken down before its first step.
  final class Facts {
    var settings = "", reduction = "", averagedValues = 0, buckets = 1
  }
  let facts = Facts()
  let forced = [
    "steps=\(count.warmup + count.steps)", "lanes=\(count.lanes)", "output=\(folder)", "validation.every=0", "checkpoint.every=0",
    "checkpoint.seconds=0",
  ]
  let code = try launchTraining(
    file: file, overrides: overrides + forced, over: world,
    measuring: { run in
      // The folder's name differs from measurement to measurement.
      facts.settings = run.configuration.yaml.split(separator: "\n").filter { !$0.hasPrefix("output:") }.joined(separator: "\n")
      (facts.averagedValues, facts.reduction) = (run.stage.work.averagedArrays.reduce(0, +), run.configuration.reduction)
      // A stage that trains nothing averages an empty one.
      facts.buckets = max(1, run.stage.work.bucketCount)
    }, stage: stage)
  guard code == 0 else { return (code, nil) }
  let identity = try Identity.gather(settings: facts.settings, over: world)
  guard world.rank == 0 else { return (code, nil) }
  let metrics = try MetricsFile(run: folder), times = metrics.steps.compactMap(StepTime.init(metrics:))
  if let warning = metrics.warning { complain("warning: \(warning)") }
  guard times.count == count.warmup + count.steps else {
    throw ScalingError("\(folder)/metrics.jsonl holds \(times.count) steps with times: remove the folder and measure again.")
  }
  let bytes = try averager(named: facts.reduction).bytesOfValue(lanes: count.lanes, ranks: world.size)
  return (
    code,
    MeasuredRun(
      steps: Array(times.dropFirst(count.warmup)), averagedBytes: facts.averagedValues * bytes, buckets: facts.buckets,
      identity: identity)
  )
}
