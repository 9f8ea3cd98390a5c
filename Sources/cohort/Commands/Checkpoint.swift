// `cohort checkpoint list|inspect|verify|export`: what a run has saved.

import ArgumentParser
import Cluster
import Export
import Foundation
import Training

struct Checkpoint: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List, inspect, verify or export checkpoints.", subcommands: [List.self, Inspect.self, Verify.self, Export.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the checkpoints of a run, oldest first.")
    @Argument(help: "Run folder, or its checkpoints folder.")
    var path: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      try reportingErrors {
        let records = try records()
        if json { return try printJSON(records) }
        for record in records { print("step \(record.step)  \(record.bytes) bytes  \(record.created)  \(record.path)") }
      }
    }

    private func records() throws -> [CheckpointRecord] {
      for folder in [path + "/checkpoints", path] {
        let records = CheckpointStore(folder: folder).list()
        if !records.isEmpty { return records }
      }
      throw ClusterError("\(path) holds no checkpoint: name a run folder.")
    }
  }

  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print what a checkpoint holds, without reading all of it.")
    @Argument(help: "Step folder, or run folder for its newest.")
    var path: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      try reportingErrors {
        let summary = try CheckpointStore.inspect(path: path)
        if json { return try printJSON(summary) }
        print("step      \(summary.record.step)\ncreated   \(summary.record.created)\nbytes     \(summary.record.bytes)")
        print("ranks     \(summary.writerRanks)\npath      \(summary.record.path)\nvectors")
        for (name, count) in summary.vectors.sorted(by: { $0.key < $1.key }) { print("  \(name)  \(count) values") }
        print("configuration")
        for line in (summary.metadata["configuration"] ?? "").split(separator: "\n") { print("  \(line)") }
        print("tensors")
        for tensor in summary.index { print("  \(tensor.vector)  \(tensor.name)  \(tensor.shape)") }
      }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Read a checkpoint whole and check every block's checksum.")
    @Argument(help: "Step folder, or run folder for its newest.")
    var path: String

    func run() throws {
      try reportingErrors {
        let record = try CheckpointStore.verify(path: path)
        print("intact: step \(record.step), \(record.bytes) bytes, \(record.path)")
      }
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the network that predicts for other programs.",
      discussion: "The ending of the output decides. "
        + ExportFormat.allCases.map { "\($0.ending): \($0.summary)." }.joined(separator: " ")
        + " Names of weights are those of the original programs. A later run begins with them by `network.weights`.")
    @Argument(help: "Step folder, or run folder for its newest.")
    var path: String
    @Option(help: "File to write (.safetensors, .pth, .onnx), or folder (.bundle).")
    var output: String
    @Option(help: "What others may do with the model: a text that goes with it, except into .pth.")
    var licence = "not stated"

    func run() throws {
      try reportingErrors {
        let command = "cohort checkpoint export", format = try ExportFormat(of: output)
        try format.check(output: output, command: command)
        let model = try TrainedModel(checkpoint: path)
        try format.write(model, to: output, licence: licence, command: command)
        print("\(model.stateDict.count) tensors of \(model.description.network), step \(model.step), written to \(output)")
      }
    }
  }
}
