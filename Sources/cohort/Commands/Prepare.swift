// `cohort prepare`: from a raw data set to packs.

import ArgumentParser
import Preparation
import Volumes

struct Prepare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Crop, resample and normalise a data set into packs.",
    discussion: "A second run with the same inputs does nothing; changed and new cases are prepared again.")

  @Argument(help: "Data set: an nnU-Net raw folder; unlabelled images lie in imagesUn.")
  var dataset: String
  @Option(help: "Folder of packs.")
  var output: String
  @Option(help: "Voxel size in millimetres: one number, or depth,height,width; the median of the data set if not given.")
  var spacing: String?

  func run() throws {
    try reportingErrors {
      let outcome = try prepareDataset(
        PreparationPlan(dataset: dataset, output: output, spacing: try spacing.map(parseSpacing))
      ) { print($0) }
      print(
        "\(outcome.prepared) cases prepared, \(outcome.unchanged) unchanged, \(outcome.removed) removed; "
          + "voxels of \(outcome.spacing) in \(output)")
    }
  }

  private func parseSpacing(_ text: String) throws -> Spacing {
    let numbers = text.split(separator: ",").map { Double($0.trimmingPrefix(" ")) ?? -1 }
    guard [1, 3].contains(numbers.count), numbers.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw PreparationError(
        "--spacing \(text) is no voxel size: give one positive number of millimetres, or depth,height,width.")
    }
    return numbers.count == 1 ? Spacing(numbers[0], numbers[0], numbers[0]) : Spacing(numbers[0], numbers[1], numbers[2])
  }
}
