// `cohort bench step|prior`: how long a training step or the frozen prior takes, and where the time goes. The other benchmarks have files of
// their own.

import ArgumentParser
import Benchmarks
import Networks
import Tensors
import Training

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how fast this machine trains.",
    subcommands: [Step.self, Prior.self, Coordination.self, Checkpoint.self, IO.self, Allreduce.self, Gemm.self])

  struct Step: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Time one training step on random voxels.",
      discussion:
        "A step is forward in training mode, half Dice and half cross entropy, backward and update. The samples of a batch run "
        + "one after the other and their gradients are averaged, as in training. GFLOP counts the convolutions and matrix products as the "
        + "layers define them, forward and backward.")

    @OptionGroup var choice: NetworkChoice
    @Option(help: "Depth, height and width of the patch in voxels, D,H,W.")
    var patch: String
    @Option(help: "Samples in a step.")
    var batch = 1
    @Option(help: "Number of classes, background included.")
    var classes = 2
    @Option(help: "Number of image channels.")
    var channels = 1
    @Option(help: "Threads.")
    var threads: Int
    @Option(help: "standard, or lean: compute parts twice instead of keeping them.")
    var memory = TapeMemory.standard
    @Option(help: "Steps that count.")
    var steps = 5
    @Option(help: "Steps before them.")
    var warmup = 2
    @Flag(help: "Show the time by operation, beside what the machine's measured rates would allow.")
    var profile = false
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
      guard sides.count == 3 else { throw ValidationError("--patch \(patch): give three sides, for example 96,96,96.") }
      for (name, value, least) in [("batch", batch, 1), ("threads", threads, 1), ("steps", steps, 1), ("warmup", warmup, 0)]
      where value < least {
        throw ValidationError("--\(name) \(value) must be \(least) or more.")
      }
    }

    private var sides: [Int] { patch.split(separator: ",", omittingEmptySubsequences: false).compactMap { Int($0) } }

    func run() throws {
      try saying {
        let plan = StepPlan(
          network: choice.network, networkPlan: try choice.plan(channels: channels, classes: classes), patch: sides, batch: batch,
          threads: threads, memory: memory, steps: steps, warmup: warmup)
        let result = try measureStep(plan), shown = profile ? result : result.summary
        if json { try printJSON(shown) } else { print(shown.text) }
      }
    }
  }
}

extension Bench {
  struct Prior: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Time SAM-Med3D on random voxels: the embedding of an image, and the decoding of a prompt.")

    @Option(help: "Checkpoint (.pth, safetensors); random weights of the released size without it.")
    var weights: String?
    @Option(help: "Threads.")
    var threads: Int
    @Option(help: "Repeats that count.")
    var repeats = 5
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
      for (name, value) in [("threads", threads), ("repeats", repeats)] where value < 1 {
        throw ValidationError("--\(name) \(value) must be 1 or more.")
      }
    }

    func run() throws {
      try saying {
        let network = try weights.map { try SAMMed3D(file: $0) } ?? randomPrior()
        let result = measurePrior(network, threads: threads, repeats: repeats)
        if json { try printJSON(result) } else { print(result.text) }
      }
    }
  }
}

extension TapeMemory: ExpressibleByArgument {}
