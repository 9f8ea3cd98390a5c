// `cohort report gradcam`: activation maps of one class for raw images, by one or several trained networks.

import Foundation
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
public func drawActivations(
  methods: [NamedPath], input: String, references: String?, request: ActivationRequest, output: String, report: (String) -> Void
) throws {
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
  let cases = try rawCases(in: input, channels: description.channelNames.count)
  let files = try references.map { try labelFiles($0) } ?? [:]
  let settings = try PreparationSettings(text: description.preparation)
  try makeFolder(output)
  for (number, first) in stride(from: 0, to: cases.count, by: 4).enumerated() {
    let columns = try cases[first..<min(first + 4, cases.count)].map { item in
      let prepared = try prepareForPrediction(
        images: item.images, settings: settings, channels: description.channelNames.count, label: files[item.identifier],
        classNames: description.classNames)
      return column(of: prepared, named: item.identifier, mappers)
    }
    let path = join(output, "gradcam-\(number + 1).png")
    try writeActivationFigure(columns, methods: methods.map(\.name), to: path)
    report(path)
  }
}

private func column(of volume: PackedCase, named identifier: String, _ mappers: [ActivationMapper]) -> ActivationColumn {
  let label = UInt8(mappers[0].label), explained = mappers.map { $0.map(of: volume) }
  func mask(_ labels: [UInt8]) -> [UInt8] { labels.map { $0 == label ? 1 : 0 } }
  return ActivationColumn(
    identifier: identifier, extent: volume.extent, spacing: volume.spacing, image: volume.channel(0),
    reference: volume.label.map(mask), prediction: mask(explained[0].prediction), maps: explained.map(\.map))
}
