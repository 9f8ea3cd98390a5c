// `cohort new`: from a folder of data to a run file and what the run will cost.

import ArgumentParser
import Benchmarks
import Cluster
import Files
import Foundation
import Kernels
import Networks
import Planning
import Preparation
import Training
import Volumes

struct New: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a run file for your data, and say what the run will cost.",
    discussion: """
      DATA is an nnU-Net raw folder, which is first prepared as `cohort prepare` does, or a folder of packs. The run file has a reason beside each key; \
      change what you know better. The cost is that of the network's steps, measured here on a smaller patch, and of registration, measured on two volumes; \
      messages between ranks are not in it.
      """)

  @Argument(help: "Data set, or packs that `cohort prepare` made of it.")
  var data: String
  @Option(help: "Run file to write; DATA.yaml here if not given.")
  var output: String?
  @Option(help: "Folder for the packs of a raw data set; DATA-packs here if not given.")
  var packs: String?
  @Option(help: "Ranks that will train.")
  var ranks = 1
  @Option(help: "Threads of each of them; its share of this machine's cores if not given.")
  var threads: Int?

  func validate() throws {
    try inRange([("ranks", ranks, 1...1_000_000), ("threads", threads ?? 1, 1...Threads.most)])
  }

  private var name: String { RunSuggestion.name(of: realPath(data)) }

  func run() throws {
    try reportingErrors {
      let file = output ?? "\(name).yaml"
      guard !FileManager.default.fileExists(atPath: file) else {
        throw TrainingError("\(file) is there already: give another name with --output, or remove it.")
      }
      let folder = try preparedFolder()
      let index = try PackIndex(folder: folder)
      let suggestion = try RunSuggestion(index, data: folder, ranks: ranks)
      let cost = try cost(of: suggestion, data: folder)
      try writeDurably(Array(suggestion.text(cost: cost).utf8), to: file)
      cost.forEach { print($0) }
      print("\(file) written; start it:  \(ranks == 1 ? "" : "mpirun -n \(ranks) ")cohort train \(file)")
    }
  }

  /// The packs, made now where the data are raw.
  private func preparedFolder() throws -> String {
    if FileManager.default.fileExists(atPath: "\(data)/\(PackIndex.fileName)") { return data }
    let folder = packs ?? "\(name)-packs"
    let outcome = try prepareDataset(
      PreparationPlan(dataset: data, output: folder, channels: Dataset.open(data).normalizations(nil) { print($0) })
    ) { print($0) }
    outcome.tell(dataset: data, output: folder)
    guard outcome.exitCode == 0 else { throw ArgumentParser.ExitCode(outcome.exitCode) }
    return folder
  }

  private func cost(of suggestion: RunSuggestion, data folder: String) throws -> [String] {
    let threads = threads ?? max(1, Threads.count / (ranks <= Threads.count ? ranks : 1))
    var estimator = StepEstimator(network: suggestion.network, threads: threads)
    let plan = NetworkPlan(
      inputChannels: suggestion.channels, classes: suggestion.classes, options: suggestion.options, seed: 0)
    let samples = suggestion.samplesPerLane * suggestion.lanes / ranks
    let step = try estimator.estimate(plan, patch: suggestion.patch, batch: samples)
    let steps = String(
      format: "On %@ of %@ a step takes about %.2g s and a rank %.1f GB; the %d steps about %@.", counted(ranks, "rank"),
      counted(threads, "thread"), step.seconds, Double(step.bytes) / 1e9, suggestion.steps,
      duration(step.seconds * Double(suggestion.steps)))
    guard suggestion.registrations > 0 else { return [steps] }
    let registration = try measuredRegistration(data: folder) * Double(suggestion.registrations) / Double(ranks)
    return [
      steps, "Registration before the first step takes about \(duration(registration)); what it made is kept for other runs.",
    ]
  }

  private func duration(_ seconds: Double) -> String {
    seconds < 90
      ? String(format: "%.0f s", seconds)
      : seconds < 5400 ? String(format: "%.0f minutes", seconds / 60) : String(format: "%.1f hours", seconds / 3600)
  }
}
