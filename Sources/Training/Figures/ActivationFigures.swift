// `cohort report gradcam`: activation maps of one class for raw images, by one or several trained networks.

import Files
import Foundation
import MPI
import Networks
import Preparation
import Reports
import Volumes

/// What a figure of activation maps explains.
public struct ActivationRequest: Sendable {
  public var layer: FeatureLayer
  /// A label value from 1.
  public var label: Int
  public var kind: ActivationKind

  public init(layer: FeatureLayer, label: Int, kind: ActivationKind) {
    (self.layer, self.label, self.kind) = (layer, label, kind)
  }
}

/// Writes `gradcam-1.png`, `gradcam-2.png`, ... into `output`, each with four of the cases in `input` side by side.
/// - Parameters:
///   - methods: run folders or checkpoints, all trained on data prepared alike; each is a row.
///   - references: a folder of label maps, used where it has one of a case.
///   - report: the path of each figure as it is written.
/// - Returns: the cases that could not be drawn, and how many there are.
/// Errors: those of the cases of an input; pictures in the way that Cohort did not write.
public func drawActivations(
  methods: [NamedPath], input: String, references: String?, request: ActivationRequest, output: String, report: (String) -> Void
) throws -> (failures: [CaseFailure], count: Int) {
  let models = try methods.map { try TrainedModel(checkpoint: $0.path) }
  let mappers = try models.map { model in
    try ActivationMapper(
      segmenter: model.segmenter(overlap: 0.5, weighting: .gaussian), layer: request.layer, label: request.label,
      kind: request.kind)
  }
  let description = models[0].description
  for (method, model) in zip(methods, models) where model.description.preparation != description.preparation {
    throw TrainingError("\(methods[0].path) and \(method.path) expect data prepared differently: draw them separately.")
  }
  let cases = try RawCases(in: input, channels: description.channelNames.count, output: output).cases
  let labels = try references.map { try LabelMaps($0).paths } ?? [:]
  let reader = try CaseReader(description, values: description.classNames.count + 1, ranksOnHost: 1)
  let groups = stride(from: 0, to: cases.count, by: 4).map { cases[$0..<min($0 + 4, cases.count)] }
  let pictures = groups.indices.map { join(output, "gradcam-\($0 + 1).png") }
  try checkOutputs(pictures, reading: [], isOwn: isOwnPicture)
  try makeFolder(output)
  var failures: [CaseFailure] = []
  for (group, path) in zip(groups, pictures) {
    var columns: [ActivationColumn] = []
    failures += try forEachCase(Array(group), over: .alone, detail: \.identifier) { item in
      let prepared = try reader.prepare(item, label: labels[item.identifier])
      columns.append(column(of: prepared, named: item.identifier, mappers))
    }
    if columns.isEmpty { continue }
    try writeActivationFigure(columns, methods: methods.map(\.name), to: path)
    report(path)
  }
  return (failures, cases.count)
}

private func column(of volume: PackedCase, named identifier: String, _ mappers: [ActivationMapper]) -> ActivationColumn {
  let label = UInt8(mappers[0].label), explained = mappers.map { $0.map(of: volume) }
  func mask(_ labels: [UInt8]) -> [UInt8] { labels.map { $0 == label ? 1 : 0 } }
  return ActivationColumn(
    identifier: identifier, extent: volume.extent, spacing: volume.spacing, image: volume.channel(0),
    reference: volume.label.map(mask), prediction: mask(explained[0].prediction), maps: explained.map(\.map))
}
