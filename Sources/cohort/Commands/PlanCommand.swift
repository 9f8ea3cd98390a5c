// `cohort plan`: the fingerprint of a data set and nnU-Net's plan for it, and what training by it costs here.

import ArgumentParser
import Benchmarks
import Cluster
import Files
import Foundation
import Kernels
import MPI
import Networks
import Planning
import Preparation
import Training
import Volumes

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Plan a data set as nnU-Net does: spacing, patch, network, batch and normalisation.",
    discussion: """
      Writes plans.json and dataset_fingerprint.json, which nnU-Net 2.8 reads; `cohort prepare --plan` prepares by them. Under mpirun the cases are \
      shared out over the ranks, and the files are the same on any number of them. The last line says what a step of training costs here: its \
      memory by a rehearsal, its time from a step on a smaller patch.
      """)

  @Argument(help: "Data set: an nnU-Net raw folder; unlabelled images lie in imagesUn.")
  var dataset: String
  @Option(help: "Folder for the files; the data set's if not given.")
  var output: String?
  @Flag(help: "Let unlabelled images count for shapes and spacings, too.")
  var countUnlabelled = false
  @Option(
    help: "A configuration of low resolution is dropped if it has more than half of the voxels (nnU-Net 2.8), or kept (2.2).")
  var lowResolution = LowResolutionRule.drop
  @Option(help: "Network whose steps are estimated: plainconvunet as planned, or stunet with the planned strides.")
  var network = PlainConvUNet.name
  @Option(help: "Option of the network, key=value; may be given several times.")
  var option: [String] = []
  @Option(help: "Threads of each rank in training; its share of the cores if not given.")
  var threads: Int?
  @Option(help: "Make a smaller plan whose step takes a rank no more than so many bytes.")
  var budgetMemory: Int?
  @Option(help: "Make a smaller plan whose step takes no more than so many seconds here; another machine may plan otherwise.")
  var budgetTime: Double?
  @OptionGroup var watch: WatchOptions

  func validate() throws {
    if let threads { try inRange([("threads", threads, 1...Threads.most)]) }
    if let budgetMemory { try inRange([("budget-memory", budgetMemory, 1...Int.max)]) }
    if let budgetTime, !(budgetTime > 0) {
      throw ValidationError("--budget-time \(budgetTime) must be a positive number of seconds.")
    }
    guard PlannedStep.networks.contains(network) else {
      throw ValidationError("--network \(network): choose one of \(PlannedStep.networks.joined(separator: ", ")).")
    }
  }

  func run() throws {
    try withWatchedRanks(watch, command: "plan") { world in
      try RankPlacement(over: world).chooseThreads(threads ?? 0)
      let team = try RankTeam(world)
      defer { try? team.close() }
      let data = try team.first { try Dataset.open(dataset) }
      let found = try extractFingerprint(data, countsUnlabelled: countUnlabelled, team: team) { print($0) }
      let lines = try team.first { try finish(data, found) { team.mark("estimate of a step") } }
      if world.rank == 0 {
        for warning in found.warnings { complain("warning: \(warning)") }
        lines.forEach { print($0) }
      }
      return Cluster.ExitCode.success.rawValue
    }
  }

  /// Plans, writes the files, and returns what to print.
  /// - Parameter mark: notes that a step is estimated.
  private func finish(_ data: Dataset, _ found: ExtractedFingerprint, mark: () -> Void) throws -> [String] {
    let fingerprint = try DatasetFingerprint(text: found.text)
    let input = PlanningInput(
      datasetName: URL(fileURLWithPath: realPath(data.folder)).lastPathComponent, channelNames: data.channelNames,
      labelCount: data.labels.entryCount, caseCount: fingerprint.shapes.count, reader: found.reader)
    var step = try PlannedStep(
      network, options: option, channels: data.channelNames.count,
      classes: data.labels.regions?.count ?? data.labels.classNames.count)
    let (plan, cost) = try Planner(lowResolution: lowResolution).plan(
      fingerprint, input, within: StepBudget(bytes: budgetMemory, seconds: budgetTime)
    ) { configuration in
      mark()
      return try step.cost(of: configuration)
    }
    let folder = output ?? data.folder
    let description = isSamePlace(folder, data.folder) ? nil : try readText("\(data.folder)/dataset.json")
    try PlanFiles(plan, fingerprint: found.text, description: description).write(to: folder)
    return plan.configurations.map(\.summary) + [
      "\(step.text(of: plan.costed, cost))", "\(folder)/\(PlanFiles.planName) written",
    ]
  }
}

extension LowResolutionRule: ExpressibleByArgument {}
