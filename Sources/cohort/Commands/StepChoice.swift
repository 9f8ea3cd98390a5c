// What the benchmarks of training steps are asked alike.

import ArgumentParser
import Benchmarks
import Kernels
import Networks
import Settings
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
    _ = try patchSides(patch)
    try inRange([
      ("threads", threads, 1...Threads.most), ("steps", steps, 1...mostRepeats), ("warmup", warmup, 0...mostRepeats),
    ])
  }

  /// - Parameter batch: the samples that a rank does in a step.
  func plan(channels: Int = 1, classes: Int = 2, batch: Int, memory: TapeMemory = .standard) throws -> StepPlan {
    StepPlan(
      network: choice.network, networkPlan: try choice.plan(channels: channels, classes: classes), patch: try patchSides(patch),
      batch: batch,
      threads: threads, memory: memory, steps: steps, warmup: warmup)
  }
}

/// D, H, W of a patch on the command line.
func patchSides(_ text: String) throws -> [Int] {
  let format = SettingFormat<[Int]>.patchSides
  guard let sides = format.read(text) else {
    throw ValidationError("--patch \(text.prefix(100)) must be \(format.allowed), for example 64,64,64.")
  }
  return sides
}
