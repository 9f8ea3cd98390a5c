// `cohort network list|describe|forward`: the networks, what one consists of, and a forward pass on tensors for comparing with other
// implementations.

import ArgumentParser
import Files
import Kernels
import Networks
import Tensors
import Weights

struct NetworkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "network", abstract: "List networks, describe one, or run one on a tensor.",
    subcommands: [List.self, Describe.self, Forward.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the networks.")

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      let rows =
        networkCatalog.map { CatalogRow($0.name, $0.summary, $0.options) } + [CatalogRow(SAMMed3D.name, SAMMed3D.summary, [])]
      try CatalogRow.print(
        rows, json: json, hint: "`cohort network describe --network NAME` explains a network's options and counts its parameters."
      )
    }
  }

  struct Forward: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the logits of a network for an input tensor.",
      discussion: "Tensors are channels first, as in PyTorch: `input` [B, C, D, H, W] is read, `logits` [B, K, D, H, W] written. "
        + "Weights are a state dict with the original names; the prefix `weights.` may stand before them. "
        + "\(SAMMed3D.name) also reads `mask_prompt` [1, 1, N/4, N/4, N/4] (logits) and `point` [1, clicks, 3] (voxels, on the object), "
        + "either or both, and writes `embedding` and `lowres_logits`, as \(SAM.name) does for `input` [B, 1 or 3, S, S].")

    @OptionGroup var choice: NetworkChoice
    @Option(help: "Number of classes, background included; \(SAMMed3D.name) has none.")
    var classes: Int?
    @Option(help: "How \(SAMMed3D.name) attends to pad tokens: folded, or literal as the original, slowly; the same result.")
    var padding = WindowPadding.folded
    @Option(help: "Weights (.pth, safetensors).")
    var weights: String
    @Option(help: "LoRA and decoder of \(SAM.name) in SAMed's format (.pth, safetensors).")
    var adapters: String?
    @Option(help: "File with the tensor `input` (safetensors).")
    var input: String
    @Option(help: "File to write (.safetensors).")
    var output: String

    static let command = "cohort network forward"

    func run() throws {
      try reportingErrors {
        try Safetensors.checkOutput(output, reading: [weights, input], command: Self.command)
        if choice.network == SAMMed3D.name {
          return try PriorForward(weights: weights, input: input, output: output, padding: padding).run()
        }
        if choice.network == SAM.name {
          return try SAMForward(weights: weights, adapters: adapters, input: input, output: output).run()
        }
        guard let classes else { throw NetworkError("--classes is missing: give the number that the weights were trained for.") }
        let stored = try Safetensors.read(input)
        guard let image = stored["input"] else {
          throw WeightError("\(input) has no tensor named input: name it so, with axes [B, C, D, H, W].")
        }
        let x = try Tensor(channelsFirst: image)
        let made = try makeNetwork(choice.network, choice.plan(channels: x.shape.channels, classes: classes))
        if let problem = patchProblem(x.shape.spatial, divisor: made.divisor, network: choice.network) {
          throw NetworkError("\(input): \(problem)")
        }
        let file = try WeightFile(weights)
        let prefix = file.entries.contains { $0.name.hasPrefix("weights.") } ? "weights." : ""
        let report = try file.load(into: made.state, prefix: prefix, allowing: LoadAllowance(unexpected: { _ in true }))
        let bytes = Rehearsal.peakBytes { _ = made.logits(x, mode: .evaluation, on: Tape(recording: false)) }
        if let shortage = FreeMemory.shortage(of: bytes, for: "the forward pass") {
          throw NetworkError("\(input): \(shortage): give a smaller image.")
        }
        let logits = made.logits(x, mode: .evaluation, on: Tape(recording: false))
        try Safetensors.write(["logits": logits.channelsFirst], metadata: ["command": Self.command], to: output)
        print("\(report)\nlogits \(logits.channelsFirst.shape) written to \(output)")
      }
    }
  }
}

/// A network and its options on the command line.
struct NetworkChoice: ParsableArguments {
  @Option(help: "Name of the network.")
  var network: String
  @Option(help: "Option of the network, key=value; may be given several times.")
  var option: [String] = []

  func plan(channels: Int, classes: Int) throws -> NetworkPlan {
    try networkPlan(options: option, channels: channels, classes: classes)
  }
}

/// A network's plan with options of the form key=value.
func networkPlan(options texts: [String], channels: Int, classes: Int) throws -> NetworkPlan {
  var options: [String: String] = [:]
  for text in texts {
    guard let sign = text.firstIndex(of: "=") else {
      throw NetworkError("--option \(text): write key=value, for example base=16.")
    }
    options[String(text[..<sign])] = String(text[text.index(after: sign)...])
  }
  return NetworkPlan(inputChannels: channels, classes: classes, options: options, seed: 0)
}
