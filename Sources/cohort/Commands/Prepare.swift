// `cohort prepare`: from a raw data set to packs.

import ArgumentParser
import Cluster
import Files
import MPI
import Planning
import Preparation
import Training
import Volumes

struct Prepare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Crop, resample and normalise a data set into packs.",
    discussion: """
      A second run with the same inputs does nothing; changed and new cases are prepared again, and a run that was cut off goes on where it was. \
      A case that cannot be prepared is left out and named at the end, with exit code 3. Under mpirun the cases are shared out over the ranks.
      """)

  @Argument(help: "Data set: an nnU-Net raw folder; unlabelled images lie in imagesUn.")
  var dataset: String
  @Option(help: "Folder of packs, outside the data set.")
  var output: String
  @Option(help: "Voxel size in millimetres: one number, or depth,height,width; the median of the data set if not given.")
  var spacing: String?
  @Option(
    help: """
      Normalisation of each channel, or of all: ct, zscore, nonzero (z-score of the voxels that are not zero) or none, as in ct or zscore,ct. If not \
      given, the names of the channels in dataset.json decide as in nnU-Net: CT is ct, noNorm is none, others are zscore.
      """)
  var normalization: String?
  @Option(help: "Prepare by this plan of nnU-Net (plans.json of `cohort plan` or of nnU-Net 2) in place of the median spacing.")
  var plan: String?
  @Option(help: "Which configuration of the plan: 3d_fullres, 3d_lowres or 2d.")
  var configuration = "3d_fullres"
  @Flag(help: "Refuse labels whose origin differs a little from their image's, which otherwise is a warning.")
  var strict = false
  @OptionGroup var watch: WatchOptions

  func validate() throws {
    if plan != nil, spacing != nil { throw ValidationError("--spacing and --plan: the plan has a spacing, so give one of them.") }
    if plan != nil, normalization != nil {
      throw ValidationError("--normalization and --plan: the plan has a normalisation, so give one of them.")
    }
    _ = try normalizationChoices()
  }

  func run() throws {
    try withWatchedRanks(watch, command: "prepare") { world in
      let team = try RankTeam(world)
      defer { try? team.close() }
      let settings = try team.first { try plannedSettings() }
      let channels = try settings == nil ? data(team).normalizations(normalizationChoices(), team: team) { print($0) } : nil
      let preparation = PreparationPlan(
        dataset: dataset, output: output, spacing: try spacing.map(parseSpacing), channels: channels, settings: settings,
        isStrict: strict)
      let outcome = try prepareDataset(preparation, team: team) { print($0) }
      if world.rank == 0 { outcome.tell(dataset: dataset, output: output) }
      return outcome.exitCode
    }
  }

  private func data(_ team: RankTeam) throws -> Dataset { try team.first { try Dataset.open(dataset) } }

  private func normalizationChoices() throws -> [NormalizationChoice]? {
    try normalization?.split(separator: ",", omittingEmptySubsequences: false).map { name in
      guard let choice = NormalizationChoice(rawValue: name.trimmingPrefix(" ").lowercased()) else {
        let names = NormalizationChoice.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--normalization \(name.prefix(100)): take one of \(names) for each channel, or one for all.")
      }
      return choice
    }
  }

  /// Those of the plan, if one was given.
  private func plannedSettings() throws -> PreparationSettings? {
    guard let plan else { return nil }
    return try Plan(file: plan).preparation(configuration, of: plan, for: Dataset.open(dataset))
  }
}

extension PreparationOutcome {
  var exitCode: Int32 { (omitted.isEmpty && problem == nil ? Cluster.ExitCode.success : .configuration).rawValue }

  /// Prints what came of preparing the data set into the folder of packs.
  func tell(dataset: String, output: String) {
    for warning in warnings { complain("warning: \(warning)") }
    let roles = CaseRole.allCases.map { "\(counts[$0] ?? 0) \($0.rawValue)" }.joined(separator: ", ")
    print(
      "\(counted(prepared, "case")) prepared, \(unchanged) unchanged, \(removed) removed; \(roles); voxels of \(spacing) in \(output)"
    )
    if let problem { complain("cohort: \(problem)") }
    guard !omitted.isEmpty else { return }
    let state = counts.isEmpty ? "nothing was made and \(output) is as it was" : "\(output) is not complete"
    complain(
      "cohort: \(counted(omitted.count, "case")) of \(dataset) could not be prepared, so \(state): mend or remove these files and "
        + "prepare again, which makes only what is missing.")
    for item in omitted { complain("  \(item.identifier), \(item.role.rawValue): \(item.reason)") }
  }
}
