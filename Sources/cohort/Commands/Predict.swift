// `cohort predict`: label maps for raw images, on the grid of each image.

import ArgumentParser
import Cluster
import Files
import Foundation
import MPI
import Metrics
import Preparation
import Training
import Volumes

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Segment images with a trained network.",
    discussion: """
      Under mpirun the cases are shared out over the ranks; several ranks share one where there are fewer cases than ranks, and the \
      label maps are the same. Networks of several checkpoints predict together, by the mean of their logits. Each label map lies on the exact grid of its image. A file that cannot be \
      predicted is named, the others are predicted, and the exit code is 3. A file in the output folder is replaced only if it is an \
      unchanged label map of an earlier prediction.
      """)

  @Option(
    name: .customLong("checkpoint"),
    help:
      "Checkpoint: a run folder for its last, RUN/best for the best of its validations, a step folder, or the output of `cohort train --seeds` for all seeds. Several times, as for the folds of one data set: their mean."
  )
  var checkpoints: [String]
  @Option(help: "Which networks of each run predict: student, second or both; runs of cps have a second.")
  var networks = PredictorChoice.student
  @Option(
    help:
      "Image or folder of images (NIfTI; several channels as case_0000, case_0001, ...). With one channel _0000 is taken off if all names end so."
  )
  var input: String
  @Option(help: "Folder for the label maps.")
  var output: String
  @Option(help: "Share of a patch by which windows overlap.")
  var overlap = 0.5
  @Option(help: "Weights of a window's voxels: gaussian or uniform.")
  var weighting = WindowWeighting.gaussian
  @Option(help: "Axes along which mirror images of each window are predicted as well, as D,H; of those that training mirrored.")
  var mirror: FlipAxes = []
  @Option(help: "What `cohort postprocess decide` wrote: is done to each label map.")
  var postprocess: String?
  @Option(help: "Folder of reference label maps: writes a picture of image, reference and prediction beside each label map.")
  var references: String?
  @Option(help: "Folder for the probabilities of the classes: a NIfTI file for each case, its fourth axis that of the classes.")
  var probabilities: String?
  @Option(help: "Folder for the same as nnU-Net writes them: case.npz with the key probabilities.")
  var npz: String?
  @Flag(
    help:
      "Estimate Dice of each label map by the labelled volumes of the run: quality.csv beside them, and what to look at first.")
  var quality = false
  @OptionGroup var watch: WatchOptions

  func validate() throws {
    guard (0...0.95).contains(overlap) else { throw ValidationError("--overlap \(overlap) must be from 0 to 0.95.") }
  }

  func run() throws {
    try withWatchedRanks(watch, command: "predict") { world in
      Flight.mark(.start, detail: "checkpoint and images")
      let (model, segmenter, found, destination, estimation) = try together(over: world) { world in
        let ensemble = try ModelEnsemble(checkpoints: checkpoints, networks: networks)
        var (model, segmenter) = try inUse(ensemble)
        segmenter.keepsProbabilities = !probabilityFiles.isEmpty
        let found = try RawCases(in: input, channels: model.channelNames.count, output: output)
        let destination = try PredictionOutput(folder: output, references: references, probabilities: probabilityFiles)
        if world.rank == 0 { try destination.check(found.cases, input: input, estimatesQuality: quality) }
        return (model, segmenter, found, destination, quality ? try QualityEstimation(ensemble) : nil)
      }
      let console = Console(rank: world.rank), cases = found.cases
      console.print(
        "\(model.network) of \(checkpoints.joined(separator: ", ")), \(cases.count) cases on \(counted(world.size, "rank"))")
      if let note = found.note { console.print("note: \(note)") }
      let (failures, estimates) = try predictCases(
        cases, model: model, segmenter: segmenter, output: destination, quality: estimation, over: world,
        warn: { complain("warning: \($0)") },
        report: { print($0) })
      if world.rank == 0, let estimates { print(estimates.text) }
      return world.rank == 0 ? listFailures(failures, of: cases.count, done: "predicted") : failures.isEmpty ? 0 : 3
    }
  }

  private var probabilityFiles: [ProbabilityFiles] {
    [probabilities.map { ProbabilityFiles(folder: $0, format: .nifti) }, npz.map { ProbabilityFiles(folder: $0, format: .npz) }]
      .compactMap { $0 }
  }

  /// The networks and how they are used.
  private func inUse(_ ensemble: ModelEnsemble) throws -> (ModelDescription, Segmenter) {
    var model = ensemble.description
    let use = ModelUse(
      networks: ensemble.models.count, overlap: overlap, weighting: weighting, mirrored: mirror,
      postprocessing: try postprocess.map { try PostprocessingDecision(path: $0, classNames: model.classNames).postprocessing })
    model.use = use
    return (model, try ensemble.segmenter(use))
  }
}

extension WindowWeighting: ExpressibleByArgument {}

extension PredictorChoice: ExpressibleByArgument {}

extension FlipAxes: ExpressibleByArgument {
  public init?(argument: String) { self.init(names: argument.split(separator: ",").map(String.init)) }
  public var defaultValueDescription: String { isEmpty ? "none" : text }
}
