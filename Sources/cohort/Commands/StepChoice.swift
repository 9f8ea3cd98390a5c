// What the benchmarks of training steps are asked alike.

import ArgumentParser
import Benchmarks
import Tensors

/// A network, a patch and how often a step is timed.
struct StepChoice: ParsableArguments {
  @OptionGroup var choice: NetworkChoice
  @Option(help: "Depth, height and width of the patch in voxels, D,H,W.")
  var patch: String
  @Option(help: "Threads of each rank.")
  var threads: Int
  @Option(help: "Steps of each kind that count.")
  var steps = 5
  @Option(help: "Steps of each kind before them.")
  var warmup = 2
  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard sides.count == 3 else { throw ValidationError("--patch \(patch): give three sides, for example 96,96,96.") }
    try atLeast([("steps", steps, 1), ("warmup", warmup, 0)])
  }

  private var sides: [Int] { patch.split(separator: ",", omittingEmptySubsequences: false).compactMap { Int($0) } }

  /// - Parameter batch: the samples that a rank does in a step.
  func plan(channels: Int = 1, classes: Int = 2, batch: Int, memory: TapeMemory = .standard) throws -> StepPlan {
    StepPlan(
      network: choice.network, networkPlan: try choice.plan(channels: channels, classes: classes), patch: sides, batch: batch,
      threads: threads, memory: memory, steps: steps, warmup: warmup)
  }
}
