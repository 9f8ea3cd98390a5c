// The fingerprint of a data set: what planning goes by (MIC-DKFZ/nnUNet v2.8.1, nnunetv2/experiment_planning/dataset_fingerprint/). The file
// dataset_fingerprint.json is nnU-Net's. Axes of shapes and spacings: those that the data set's reader gives, not yet transposed.

import Preparation

/// Intensities of a channel in the foreground of all labelled cases, each of which weighs the same.
public struct IntensityProperties: Sendable, Equatable {
  public var mean, median, standardDeviation, minimum, maximum, percentile0_5, percentile99_5: Double

  public init(
    mean: Double, median: Double, standardDeviation: Double, minimum: Double, maximum: Double, percentile0_5: Double,
    percentile99_5: Double
  ) {
    (self.mean, self.median, self.standardDeviation) = (mean, median, standardDeviation)
    (self.minimum, self.maximum) = (minimum, maximum)
    (self.percentile0_5, self.percentile99_5) = (percentile0_5, percentile99_5)
  }

  init(_ table: PlanTable) throws(PreparationError) {
    self.init(
      mean: try table.number("mean"), median: try table.number("median"), standardDeviation: try table.number("std"),
      minimum: try table.number("min"), maximum: try table.number("max"), percentile0_5: try table.number("percentile_00_5"),
      percentile99_5: try table.number("percentile_99_5"))
    try table.finish()
  }

  /// Keys in the order of the alphabet, as nnU-Net writes them.
  var json: PlanJSON {
    .table([
      ("max", .number(maximum)), ("mean", .number(mean)), ("median", .number(median)), ("min", .number(minimum)),
      ("percentile_00_5", .number(percentile0_5)), ("percentile_99_5", .number(percentile99_5)),
      ("std", .number(standardDeviation)),
    ])
  }
}

/// What the cases of a data set are like.
public struct DatasetFingerprint: Sendable, Equatable {
  /// Millimetres, one triple for each case.
  public var spacings: [[Double]]
  /// Voxels of the box that is not zero, one triple for each case.
  public var shapes: [[Int]]
  /// The median over the labelled cases of the share of their voxels that this box holds.
  public var relativeSize: Double
  /// One for each channel.
  public var intensities: [IntensityProperties]

  public init(spacings: [[Double]], shapes: [[Int]], relativeSize: Double, intensities: [IntensityProperties]) {
    (self.spacings, self.shapes, self.relativeSize, self.intensities) = (spacings, shapes, relativeSize, intensities)
  }

  /// The fingerprint in the text of dataset_fingerprint.json. Errors: no valid JSON, a missing, unknown or impossible value.
  public init(text: String) throws(PreparationError) {
    try self.init(try PlanTable(Array(text.utf8), path: "dataset_fingerprint.json"))
  }

  init(_ table: PlanTable) throws(PreparationError) {
    (spacings, shapes) = (try table.numberRows("spacings"), try table.integerRows("shapes_after_crop"))
    relativeSize = try table.number("median_relative_size_after_cropping")
    intensities = try channelIntensities(table)
    try table.finish()
    guard !shapes.isEmpty, shapes.allSatisfy({ $0.count == 3 && $0.allSatisfy { $0 > 0 } }) else {
      throw table.wrong("shapes_after_crop", "a list of triples of positive whole numbers")
    }
    guard spacings.count == shapes.count, spacings.allSatisfy({ $0.count == 3 && $0.allSatisfy { $0 > 0 } }) else {
      throw table.wrong("spacings", "a list of triples of positive numbers, one for each of shapes_after_crop")
    }
  }

  /// The text of dataset_fingerprint.json.
  public var text: String {
    PlanJSON.table([
      ("foreground_intensity_properties_per_channel", json(intensities)),
      ("median_relative_size_after_cropping", .number(relativeSize)), ("shapes_after_crop", .list(shapes.map(PlanJSON.integers))),
      ("spacings", .list(spacings.map(PlanJSON.numbers))),
    ]).text()
  }
}

func json(_ intensities: [IntensityProperties]) -> PlanJSON {
  .table(intensities.enumerated().map { ("\($0)", $1.json) })
}

/// The intensities of all channels in a fingerprint or a plan.
func channelIntensities(_ table: PlanTable) throws(PreparationError) -> [IntensityProperties] {
  let channels = try table.table("foreground_intensity_properties_per_channel")
  var found: [IntensityProperties] = []
  for channel in 0..<channels.keys.count { found.append(try IntensityProperties(try channels.table("\(channel)"))) }
  return found
}
