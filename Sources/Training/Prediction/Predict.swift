// `cohort predict`: raw images in, label maps on the same grid out; cases are dealt round to the ranks, and a bad file costs one case.
// Of fewer cases than ranks each is predicted by several.

import Cluster
import Foundation
import MPI
import Preparation
import Reports
import Volumes

/// Predicts cases and writes `identifier.nii.gz` into the output, on the grid of the first channel's file, and beside them what made them. The ranks
/// share the cases out. Collective.
///
/// All headers are read first; nothing is written where no case can be predicted.
/// - Parameters:
///   - model: what the networks expect and how they are used, written beside the label maps; with its post-processing.
///   - quality: estimates how good each prediction is; nil for no estimates.
///   - warn: told on rank 0 of slips of headers, and which files are bad already by these.
///   - report: a line for each case this rank has written.
/// - Returns: the cases that failed, and the estimates, on every rank.
/// Errors: an output that cannot be written.
public func predictCases(
  _ cases: [RawCase], model: ModelDescription, segmenter: Segmenter, output: PredictionOutput,
  quality: QualityEstimation? = nil, over world: borrowing Communicator, warn: (String) -> Void, report: (String) -> Void
) throws -> (failures: [CaseFailure], estimates: QualityTable?) {
  let reader = try CaseReader(model, segmenter, over: world)
  var slips: [DataWarning] = []
  let unread = try forEachCase(cases, over: world, detail: \.identifier) { slips += try reader.checkHeaders(of: $0) }
  let warnings = listed(try gathered(slips, over: world))
  if world.rank == 0 { warnings.forEach(warn) }
  if unread.count == cases.count { return (unread, nil) }
  if world.rank == 0, let text = failureText(unread, of: cases.count, done: "predicted") { warn(text) }
  try together(over: world) { world in if world.rank == 0 { try output.open(model) } }
  var agreements: [CaseAgreement] = []
  let failures = try forEachCaseInTeams(cases, passingOver: unread, over: world, detail: \.identifier) { item, team in
    let started = ContinuousClock.now
    guard let prepared = try team.together(over: world, { try reader.prepare(item) }),
      let segmented = try segmenter.segmented(prepared, with: team, over: world)
    else { return }
    var labels = segmented.labels
    model.use?.postprocessing?.apply(to: &labels.labels, extent: labels.extent)
    let path = output.labelMap(item.identifier)
    do { try writePrediction(labels, to: path) } catch { throw TrainingError("\(error)", exitCode: 79) }
    if let probabilities = segmented.probabilities {
      for files in output.probabilities { try files.write(probabilities, of: item.identifier) }
    }
    report("\(path)  \((ContinuousClock.now - started).seconds.formatted(decimals: 1)) s")
    try output.draw(item, prediction: labels, classNames: model.classNames)
    if let quality { agreements.append(quality.agreement(of: labels, on: prepared)) }
  }
  let estimates = try quality?.table(agreements, over: world)
  try together(over: world) { world in if world.rank == 0, let estimates { try output.write(estimates) } }
  return (failures, estimates)
}

/// Reads raw cases as a network expects them.
struct CaseReader {
  private let settings: PreparationSettings
  private let labels: LabelMeaning
  private var memory: CaseMemory

  /// - Parameter values: of each voxel that are held for the whole volume.
  init(_ model: ModelDescription, values: Int, ranksOnHost: Int) throws {
    settings = try PreparationSettings(text: model.preparation)
    labels = model.labels
    memory = CaseMemory(channels: model.channelNames.count, values: values, ranks: ranksOnHost)
  }

  /// For a segmenter, which holds labels of the whole volume, probabilities if it keeps them, and scores of a patch's planes.
  /// - Parameter copies: of the image beside the one that is read.
  init(_ model: ModelDescription, _ segmenter: Segmenter, copies: Int = 0, over world: borrowing Communicator) throws {
    try self.init(
      model, values: copies * model.channelNames.count + 1 + (segmenter.keepsProbabilities ? 3 * segmenter.outputs : 0),
      ranksOnHost: RankPlacement(over: world).ranks)
    (memory.windowValues, memory.windowDepth) = (segmenter.outputs, segmenter.patch.depth)
  }

  /// Throws if a case's files are bad or too large by their headers, or of different grids.
  /// - Returns: slips of the headers, and how they were read.
  func checkHeaders(of item: RawCase) throws -> [DataWarning] {
    let grids = try item.images.map { try readGrid($0) }, first = grids[0]
    for (path, grid) in zip(item.images, grids).dropFirst() {
      if let difference = sameGrid(first, grid) {
        throw TrainingError("The channels \(item.images[0]) and \(path) \(difference): resample one onto the grid of the other.")
      }
    }
    guard first.dimensions.allSatisfy({ $0 <= Int(Int16.max) }) else {
      throw TrainingError(
        "\(item.images[0]) has an axis of \(first.dimensions.max()!) voxels, too long for its label map's NIfTI-1: crop it.")
    }
    try memory.checkReading(first, of: item.images[0])
    return zip(grids, item.images).flatMap { $0.warnings(of: $1) }
  }

  /// - Parameter label: a label map on the images' grid to prepare with them.
  func prepare(_ item: RawCase, label: String? = nil) throws -> PackedCase {
    try prepareForPrediction(
      item.identifier, images: item.images, settings: settings, channels: memory.channels, label: label, labels: labels
    ) { extent throws(PreparationError) in try memory.checkScores(extent, of: item.images[0]) }
  }
}

extension PredictionOutput {
  /// Draws a case beside its reference, if pictures are wanted.
  fileprivate func draw(_ item: RawCase, prediction: LabelVolume, classNames: [String]) throws {
    guard let references else { return }
    let image = try readVolume(item.images[0]), path = references.paths[item.identifier]
    let reference = try path.map { path in
      let labels = try readLabels(path)
      _ = try gridWarnings(image.grid, of: item.images[0], labels.grid, of: path, cure: "use the label map of this image")
      return labels
    }
    try writeOverlay(
      image: image, reference: reference, prediction: prediction, classNames: classNames, to: picture(item.identifier))
  }
}
