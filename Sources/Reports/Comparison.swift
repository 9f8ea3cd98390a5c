// Methods side by side on one case: image, reference and one panel for each method, with its Dice and its errors marked.

import Metrics
import Volumes

/// One method's labels of a case.
public struct ComparedPrediction: Sendable {
  public var name: String
  public var labels: LabelVolume

  public init(name: String, labels: LabelVolume) { (self.name, self.labels) = (name, labels) }
}

/// Writes a PNG of the axial slice with the largest reference area. A method's panel shows its labels and the reference's
/// outline; frames mark false parts (predicted parts of a class that touch none of the reference's) and missed parts (the other
/// way round), the largest of those that the slice meets. Below stand Dice (the mean over classes) and the number of such parts
/// in the whole volume.
///
/// - Parameters:
///   - image, reference: [D, H, W], one grid with the predictions.
///   - classNames: index = label value; labels beyond them are named by their number.
/// Errors: labels of another shape than the image, a path that cannot be written.
public func writeComparison(
  image: Volume, reference: LabelVolume, predictions: [ComparedPrediction], classNames: [String], to path: String
) throws(ReportError) {
  for (name, labels) in [("reference", reference)] + predictions.map({ ($0.name, $0.labels) }) where labels.extent != image.extent
  {
    throw ReportError(
      "\(path) cannot be drawn, \(name) has \(labels.extent) voxels and the image \(image.extent): bring them to one grid first.")
  }
  let extent = image.extent, index = SlicePlane.axial.fullestSlice(reference.labels, extent: extent)
  func slice<Value>(_ values: [Value]) -> SliceImage<Value> { SlicePlane.axial.slice(values, extent: extent, index: index) }
  func panel(_ layers: [PanelLayer], marks: [Panel.Mark] = []) -> Panel {
    let gray = PanelLayer.gray(slice(image.voxels), window: robustWindow(image.voxels))
    return Panel(axial: [gray] + layers, extent: extent, spacing: image.spacing, longest: 400, marks: marks)
  }
  let truth = slice(reference.labels), shown = predictions.map { slice($0.labels.labels) }
  let errors = predictions.map {
    SegmentationErrors($0.labels.labels, reference.labels, extent: extent)
  }
  let methods = zip(shown, errors).map { labels, errors in
    panel([.classes(labels), .outlines(truth, outlineColor)], marks: errors.marks(slice: index))
  }
  let figure = Figure(
    style: .dark, columnTitles: ["Image", "Reference"] + predictions.map(\.name), rowTitles: ["axial"],
    panels: [[panel([]), panel([.classes(truth)])] + methods], captions: [[[], []] + errors.map(\.caption)],
    legend: Legend.classes([truth] + shown, classNames: classNames) + [
      Legend.Item(color: outlineColor, name: "reference"), Legend.Item(color: falseColor, name: "false part"),
      Legend.Item(color: missedColor, name: "missed part"),
    ])
  try figure.canvas().write(to: path)
}

private let (outlineColor, falseColor, missedColor) = (Color(255, 255, 255), Color(255, 235, 59), Color(0, 229, 255))

/// What a prediction got wrong, in the whole volume.
private struct SegmentationErrors {
  private var falseParts: [LabelPart] = []
  private var missedParts: [LabelPart] = []
  private let meanDice: Double?

  /// - Parameters: labels [D, H, W] = `extent`.
  init(_ prediction: [UInt8], _ reference: [UInt8], extent: Extent) {
    var scores: [Double] = []
    for label in Set(prediction).union(reference).subtracting([0]).sorted() {
      falseParts += unmatchedParts(of: prediction, without: reference, extent: extent, label: label)
      missedParts += unmatchedParts(of: reference, without: prediction, extent: extent, label: label)
      scores += dice(prediction: prediction, reference: reference, label: label).map { [$0] } ?? []
    }
    meanDice = scores.isEmpty ? nil : scores.reduce(0, +) / Double(scores.count)
  }

  var caption: [String] {
    ["Dice \(meanDice.map { rounded($0) } ?? "-")", "\(falseParts.count) false, \(missedParts.count) missed"]
  }

  /// Frames of the eight largest parts of each kind in an axial slice.
  func marks(slice: Int) -> [Panel.Mark] {
    [(falseParts, falseColor), (missedParts, missedColor)].flatMap { parts, color in
      parts.compactMap { $0.frame(slice: slice) }.sorted { $0.count > $1.count }.prefix(8).map {
        Panel.Mark(rows: $0.rows, columns: $0.columns, color: color)
      }
    }
  }

  private func rounded(_ value: Double) -> String {
    let thousandths = Int((1000 * value).rounded())
    return "\(thousandths / 1000)." + String(String(1000 + thousandths % 1000).dropFirst())
  }
}

extension LabelPart {
  /// The part's voxels in an axial slice, as the picture has them (`SlicePlane.slice` turns both axes); nil where it has none
  /// there.
  fileprivate func frame(slice: Int) -> (rows: ClosedRange<Int>, columns: ClosedRange<Int>, count: Int)? {
    let plane = extent.height * extent.width, inside = voxels.filter { $0 / plane == slice }.map { $0 % plane }
    guard !inside.isEmpty else { return nil }
    let rows = inside.map { extent.height - 1 - $0 / extent.width }, columns = inside.map { extent.width - 1 - $0 % extent.width }
    return (rows.min()!...rows.max()!, columns.min()!...columns.max()!, inside.count)
  }
}
