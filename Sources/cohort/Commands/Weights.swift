// `cohort weights inspect|convert|merge`: files of weights, of other programs too.

import ArgumentParser
import Training
import Weights

struct WeightsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weights",
    abstract: "Inspect or convert files of weights (PyTorch .pth, safetensors), and merge a fine-tuned SAM.",
    subcommands: [Inspect.self, Convert.self, Merge.self])

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the arrays of a file of weights, their hash, and what beside them is ignored; check its checksums.",
      discussion: "Nothing in the file is executed: a Python object that is more than data is refused by name.")
    @Argument(help: "File of weights (.pth, .pt, .bin, .safetensors).")
    var file: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      try reportingErrors {
        let facts = try WeightFile(file).facts()
        if json { return try printJSON(facts) }
        for array in facts.arrays { print("\(array.name)  \(array.type.rawValue)  \(array.shape)") }
        print("format      \(facts.format.rawValue)\nfound       \(facts.place.map { "under \($0)" } ?? "at the top level")")
        print("arrays      \(facts.arrayCount)\nparameters  \(facts.parameterCount)\nhash        \(facts.weightsHash)")
        print("checksums   \(facts.checksumsVerified > 0 ? "\(facts.checksumsVerified) entries intact" : "none in this format")")
        if !facts.ignored.isEmpty { print("ignored     \(facts.ignored.joined(separator: ", "))") }
      }
    }
  }

  struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the weights of a file as safetensors, in float32.",
      discussion: "Names stay, entries beside the weights are left out.")
    @Argument(help: "File of weights (.pth, .pt, .bin, .safetensors).")
    var input: String
    @Argument(help: "File to write (.safetensors).")
    var output: String
    @Flag(help: "Write float16: half the size, about three digits.")
    var half = false

    func run() throws {
      try reportingErrors {
        let file = try WeightFile(input)
        try file.convert(to: output, half: half)
        print("\(file.entries.count) arrays written to \(output)")
      }
    }
  }

  struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a fine-tuned SAM as one file: LoRA added to the weights, and the decoder for classes.",
      discussion: "The names are SAM's own; mask k is class k. The file can be named as sam.checkpoint, without sam.adapters.")
    @Option(help: "SAM's own weights (.pth, .safetensors), or demo.")
    var base: String
    @Option(help: "LoRA and decoder: sam.safetensors of a run, or a file of SAMed.")
    var adapters: String
    @Option(help: "File to write (.safetensors).")
    var output: String

    func run() throws {
      try reportingErrors { print(try mergeAdapters(base: base, adapters: adapters, to: output)) }
    }
  }
}
