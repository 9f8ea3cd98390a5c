// `cohort predict`: label maps for raw images, on the grid of each image.

import ArgumentParser
import Cluster
import Foundation
import MPI
import Preparation
import Reports
import Training
import Volumes

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Segment images with a trained network.",
    discussion: "Under mpirun the cases are shared out over the ranks. Each label map lies on the exact grid of its image.")

  @Option(help: "Checkpoint: a step folder, or a run folder for its newest.")
  var checkpoint: String
  @Option(help: "Image or folder of images (NIfTI; several channels as case_0000, case_0001, ...).")
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
      let (model, cases) = try together(over: world) { world in
        let model = try TrainedModel(checkpoint: checkpoint)
        let cases = try rawCases(in: input, channels: model.description.channelNames.count)
        if world.rank == 0 { try makeFolder(output) }
        return (model, cases)
      }
      Console(rank: world.rank).print(
        "\(model.description.network) of \(model.path), \(cases.count) cases on \(counted(world.size, "rank"))")
      try together(over: world) { world in
        let segmenter = model.segmenter(overlap: overlap, weighting: weighting)
        try predictCases(cases, model: model, segmenter: segmenter, output: output, over: world) { print($0) }
        if let references { try drawOverlays(cases, model: model, references: references, world: world) }
      }
      return 0
    }
  }

  private func drawOverlays(_ cases: [RawCase], model: TrainedModel, references: String, world: borrowing Communicator) throws {
    for (number, item) in cases.enumerated() where number % world.size == world.rank {
      Flight.mark(.prediction, detail: "picture of \(item.identifier)")
      let prediction = try readLabels("\(output)/\(item.identifier).nii.gz")
      let found = [".nii.gz", ".nii"].map { "\(references)/\(item.identifier)\($0)" }.first {
        FileManager.default.fileExists(atPath: $0)
      }
      try writeOverlay(
        image: try readVolume(item.images[0]), reference: try found.map { try readLabels($0) }, prediction: prediction,
        classNames: model.description.classNames, to: "\(output)/\(item.identifier).png")
    }
  }
}

extension WindowWeighting: ExpressibleByArgument {}
