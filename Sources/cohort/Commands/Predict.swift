// `cohort predict`: label maps for raw images, on the grid of each image.

import ArgumentParser
import Cluster
import Files
import Foundation
import MPI
import Preparation
import Training
import Volumes

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Segment images with a trained network.",
    discussion: """
      Under mpirun the cases are shared out over the ranks. Each label map lies on the exact grid of its image. A file that cannot be \
      predicted is named, the others are predicted, and the exit code is 3. A file in the output folder is replaced only if it is an \
      unchanged label map of an earlier prediction.
      """)

  @Option(help: "Checkpoint: a step folder, or a run folder for its newest.")
  var checkpoint: String
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
  @Option(help: "Folder of reference label maps: writes a picture of image, reference and prediction beside each label map.")
  var references: String?
  @OptionGroup var watch: WatchOptions

  func validate() throws {
    guard (0...0.95).contains(overlap) else { throw ValidationError("--overlap \(overlap) must be from 0 to 0.95.") }
  }

  func run() throws {
    try withWatchedRanks(watch, command: "predict") { world in
      Flight.mark(.start, detail: "checkpoint and images")
      let (model, found, destination) = try together(over: world) { world in
        let model = try TrainedModel(checkpoint: checkpoint)
        let found = try RawCases(in: input, channels: model.description.channelNames.count, output: output)
        let destination = try PredictionOutput(folder: output, references: references)
        if world.rank == 0 { try destination.check(found.cases, input: input) }
        return (model, found, destination)
      }
      let console = Console(rank: world.rank), cases = found.cases
      console.print("\(model.description.network) of \(model.path), \(cases.count) cases on \(counted(world.size, "rank"))")
      if let note = found.note { console.print("note: \(note)") }
      let failures = try predictCases(
        cases, model: model, segmenter: model.segmenter(overlap: overlap, weighting: weighting), output: destination, over: world,
        warn: { complain("warning: \($0)") }, report: { print($0) })
      return world.rank == 0 ? listFailures(failures, of: cases.count, done: "predicted") : failures.isEmpty ? 0 : 3
    }
  }
}

extension WindowWeighting: ExpressibleByArgument {}
