// A picture of one case for people: columns image, reference, prediction; rows axial, coronal, sagittal; a legend of the classes.

import Foundation
import Volumes

/// Writes a PNG that shows the fullest axial, coronal and sagittal slices of a case.
///
/// Slices are those with the most foreground in the reference (else the prediction, else the middle). A column is left out when its labels
/// are nil. Intensities are shown from their 1st to their 99th percentile, voxels at their physical shape.
/// - Parameters:
///   - reference, prediction: on the grid of `image`, which is [D, H, W].
///   - classNames: index = label value.
/// Errors: labels of another shape than the image, a path that cannot be written.
public func writeOverlay(
  image: Volume, reference: LabelVolume?, prediction: LabelVolume?, classNames: [String], to path: String
) throws(ReportError) {
  for (labels, name) in [(reference, "reference"), (prediction, "prediction")] {
    if let labels, labels.extent != image.extent {
      throw ReportError(
        "\(path) cannot be drawn, the \(name) has \(labels.extent) voxels and the image \(image.extent): bring them to one grid first."
      )
    }
  }
  var columns: [(title: String, labels: LabelVolume?)] = [("Image", nil)]
  if let reference { columns.append(("Reference", reference)) }
  if let prediction { columns.append(("Prediction", prediction)) }
  let rows = overlayRows(image: image, columns: columns.map(\.labels), guide: reference ?? prediction)
  let figure = Figure(
    style: .dark, columnTitles: columns.map(\.title), rowTitles: rows.map(\.plane.name), panels: rows.map(\.panels),
    legend: Legend.classes(rows.flatMap(\.labels), classNames: classNames))
  try figure.canvas().write(to: path)
}

/// One plane through the volume.
private struct OverlayRow {
  var plane: SlicePlane
  var panels: [Panel]
  /// The label maps that the panels show.
  var labels: [SliceImage<UInt8>]
}

private func overlayRows(image: Volume, columns: [LabelVolume?], guide: LabelVolume?) -> [OverlayRow] {
  let window = robustWindow(image.voxels)
  let scale = pixelsPerMillimetre(image.extent, image.spacing)
  return SlicePlane.allCases.map { plane in
    let index = plane.fullestSlice(guide?.labels, extent: image.extent)
    let gray = PanelLayer.gray(plane.slice(image.voxels, extent: image.extent, index: index), window: window)
    let labels = columns.map { $0.map { plane.slice($0.labels, extent: image.extent, index: index) } }
    let panels = labels.map { labels in
      Panel(
        plane: plane, layers: [gray] + (labels.map { [.classes($0)] } ?? []), extent: image.extent, spacing: image.spacing,
        pixelsPerMillimetre: scale)
    }
    return OverlayRow(plane: plane, panels: panels, labels: labels.compactMap { $0 })
  }
}

/// One scale for all panels: the longer side of the smallest is at least 320 pixels, and no side is longer than 900.
func pixelsPerMillimetre(_ extent: Extent, _ spacing: Spacing) -> Double {
  let lengths = (0..<3).map { Double(extent[$0]) * spacing[$0] }
  let smallest = SlicePlane.allCases.map { max(lengths[$0.horizontal], lengths[$0.vertical]) }.min()!
  return min(320 / smallest, 900 / lengths.max()!)
}

/// The 1st and 99th percentile of the intensities, from at most about 100,000 voxels.
func robustWindow(_ voxels: [Float]) -> ClosedRange<Float> {
  let step = max(1, voxels.count / 100_000) | 1  // odd, so that it does not fall into step with the rows
  let sample = stride(from: 0, to: voxels.count, by: step).map { voxels[$0] }.sorted()
  guard let last = sample.indices.last else { return 0...1 }
  let (low, high) = (sample[last / 100], sample[last * 99 / 100])
  return low...(high > low ? high : low + 1)
}
