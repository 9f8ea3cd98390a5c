// From a plan to the settings by which cases are prepared, for the data set that the plan was made for.

import Files
import Foundation
import Preparation
import Volumes

extension Plan {
  /// The settings for a data set by one of the configurations.
  ///
  /// nnU-Net keeps the dataset.json of a plan beside it; where there is one it tells whether the plan is that of the data set.
  /// - Parameter path: the file of the plan.
  /// Errors: no such configuration, another data set, a normalisation, resampling or reader that is not known here.
  public func preparation(
    _ configuration: String, of path: String, for dataset: Dataset
  ) throws(PreparationError) -> PreparationSettings {
    _ = try chosen(configuration, path)
    try requireSameNames(path, dataset)
    return try preparation(configuration, of: path)
  }

  /// A configuration by its name. Error: there is none.
  public func chosen(_ configuration: String, _ path: String) throws(PreparationError) -> PlanConfiguration {
    guard let found = self[configuration] else {
      throw PreparationError(
        "\(path) has no configuration \(configuration): choose one of \(configurations.map(\.name).joined(separator: ", ")).")
    }
    return found
  }

  /// The settings by one of the configurations, whatever data set they are for. Errors: as those for a data set.
  public func preparation(_ configuration: String, of path: String) throws(PreparationError) -> PreparationSettings {
    let chosen = try chosen(configuration, path)
    if let step = chosen.foreignStep {
      throw PreparationError(
        "\(path): configurations.\(configuration).\(step) is not nnU-Net's default, which is all that is done here: plan the data set again."
      )
    }
    guard let reader = PlanReader(name: reader) else {
      throw PreparationError(
        "\(path): image_reader_writer is \(reader), and files are read only as by \(PlanReader.names): plan the data set again.")
    }
    var channels: [ChannelNormalization] = []
    for channel in intensities.indices { channels.append(try normalization(channel, chosen, path)) }
    let isPlane = chosen.spacing.count == 2, sides = isPlane ? [medianSpacing[0]] + chosen.spacing : chosen.spacing
    return PreparationSettings(
      spacing: Spacing(sides[0], sides[1], sides[2]),
      planned: PlannedPreparation(
        axes: AxisOrder(start: reader.start, transpose: transposeForward), channels: channels, keepsSliceSpacing: isPlane))
  }

  private func normalization(
    _ channel: Int, _ configuration: PlanConfiguration, _ path: String
  ) throws(PreparationError) -> ChannelNormalization {
    let name = configuration.normalizations[channel]
    guard let scheme = ChannelNormalization.Scheme(rawValue: name) else {
      throw PreparationError(
        "\(path): configurations.\(configuration.name).normalization_schemes has \(name), which is not known here: take one of "
          + "\(ChannelNormalization.Scheme.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    return ChannelNormalization(
      scheme, usesMask: configuration.usesMask[channel] && scheme == .zScore,
      foreground: scheme == .ct ? ForegroundIntensity(intensities[channel]) : nil)
  }

  private func requireSameNames(_ path: String, _ dataset: Dataset) throws(PreparationError) {
    let folder = parentFolder(of: path), beside = folder.isEmpty ? "." : folder
    if FileManager.default.fileExists(atPath: "\(beside)/dataset.json") {
      let names = try readingVolumes { () throws(VolumeError) in try Dataset.names(ofFolder: beside) }
      try require(names.channels, dataset.channelNames, "channels", path, dataset)
      guard names.labels == dataset.labels else {
        try require(names.labels.structureNames, dataset.labels.structureNames, "labels", path, dataset)
        throw PreparationError(
          "\(path) is the plan of a data set whose labels have other values (dataset.json beside it) than those of \(dataset.folder): plan that one."
        )
      }
    }
    guard intensities.count == dataset.channelNames.count else {
      throw PreparationError(
        "\(path) is the plan of a data set of \(intensities.count) channels, and \(dataset.folder) has \(dataset.channelNames.count): "
          + "plan that one.")
    }
  }

  private func require(
    _ planned: [String], _ found: [String], _ what: String, _ path: String, _ dataset: Dataset
  ) throws(PreparationError) {
    guard planned != found else { return }
    throw PreparationError(
      "\(path) is the plan of a data set with the \(what) \(planned.joined(separator: ", ")) (dataset.json beside it), and "
        + "\(dataset.folder) has \(found.joined(separator: ", ")): plan that one.")
  }
}
