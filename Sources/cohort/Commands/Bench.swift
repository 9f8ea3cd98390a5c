// `cohort bench step|prior`: how long a training step or the frozen prior takes, and where the time goes. The other benchmarks have files of
// their own.

import ArgumentParser
import Benchmarks
import Kernels
import Networks
import Tensors
import Training

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how fast this machine trains.",
    subcommands: [
      Step.self, Prior.self, SAM.self, Coordination.self, Checkpoint.self, IO.self, Augment.self, Registration.self,
      Allreduce.self, Gemm.self,
    ])

  struct Step: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Time one training step on random voxels.",
      discussion:
        "A step is forward in training mode, half Dice and half cross entropy, backward and update. The samples of a batch run "
        + "one after the other and their gradients are averaged, as in training. GFLOP counts the convolutions and matrix products as the "
        + "layers define them, forward and backward.")

    @OptionGroup var step: StepChoice
    @Option(help: "Samples in a step.")
    var batch = 1
    @Option(help: "Number of classes, background included.")
    var classes = 2
    @Option(help: "Number of image channels.")
    var channels = 1
    @Option(help: "standard, or lean: compute parts twice instead of keeping them.")
    var memory = TapeMemory.standard
    @Flag(help: "Show the time by operation, beside what the machine's measured rates would allow.")
    var profile = false

    func validate() throws { try inRange([("batch", batch, 1...1024)]) }

    func run() throws {
      try reportingErrors {
        let plan = try step.plan(channels: channels, classes: classes, batch: batch, memory: memory)
        let result = try measureStep(plan), shown = profile ? result : result.summary
        if step.json { try printJSON(shown) } else { print(shown.text) }
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

    func validate() throws { try inRange([("threads", threads, 1...Threads.most), ("repeats", repeats, 1...mostRepeats)]) }

    func run() throws {
      try reportingErrors {
        let network = try weights.map { try SAMMed3D(file: $0) } ?? randomPrior()
        let result = measurePrior(network, threads: threads, repeats: repeats)
        if json { try printJSON(result) } else { print(result.text) }
      }
    }
  }
}

extension Bench {
  struct SAM: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sam",
      abstract: "Time SAM on a random canvas: the embedding, and a step of fine-tuning with LoRA.",
      discussion:
        "Without options it is ViT-B at 1024 pixels. Beside each time stands what its matrix products alone take at the rate of a large one; "
        + "gradients of frozen matrices are not formed and not counted.")

    @Option(help: "Pixels along each side of the canvas, a multiple of the patch of 16.")
    var canvas = 1024
    @Option(help: "Blocks of the encoder.")
    var depth = 12
    @Option(help: "Channels of the encoder's tokens, 64 for each head.")
    var embedding = 768
    @Option(help: "Number of classes, background included.")
    var classes = 2
    @Option(help: "Rank of LoRA.")
    var rank = 4
    @Option(help: "Threads.")
    var threads: Int
    @Option(help: "Repeats that count.")
    var repeats = 3
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
      try inRange([
        ("threads", threads, 1...Threads.most), ("repeats", repeats, 1...mostRepeats), ("canvas", canvas, 32...4096),
        ("depth", depth, 1...48), ("embedding", embedding, 64...1280), ("classes", classes, 2...255), ("rank", rank, 1...256),
      ])
      if embedding % 64 != 0 { throw ValidationError("--embedding must be a multiple of 64, the channels of a head.") }
    }

    func run() throws {
      try reportingErrors {
        var plan = SAMPlan.base
        (plan.depth, plan.embedding, plan.heads, plan.masks) = (depth, embedding, embedding / 64, classes)
        plan.globalBlocks = plan.globalBlocks.filter { $0 < depth }
        let result = measureSAM(try plan.resized(canvas: canvas), rank: rank, threads: threads, repeats: repeats)
        if json { try printJSON(result) } else { print(result.text) }
      }
    }
  }
}

extension TapeMemory: ExpressibleByArgument {}
