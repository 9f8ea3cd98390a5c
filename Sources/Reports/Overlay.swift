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
  let panels = overlayPanels(image: image, columns: columns.map(\.labels), guide: reference ?? prediction)
  try drawOverlay(panels, titles: columns.map(\.title), classNames: classNames).write(to: path)
}

/// Panels by row (plane) and column.
private func overlayPanels(image: Volume, columns: [LabelVolume?], guide: LabelVolume?) -> [[OverlayPanel]] {
  let window = robustWindow(image.voxels)
  let pixels = pixelsPerMillimetre(image)
  return SlicePlane.allCases.map { plane in
    let index = plane.fullestSlice(guide, extent: image.extent)
    let gray = plane.slice(image.voxels, extent: image.extent, index: index)
    func length(_ axis: Int) -> Int { max(8, Int((Double(image.extent[axis]) * image.spacing[axis] * pixels).rounded())) }
    return columns.map { labels in
      OverlayPanel(
        plane: plane, image: gray, labels: labels.map { plane.slice($0.labels, extent: image.extent, index: index) },
        window: window,
        width: length(plane.horizontal), height: length(plane.vertical))
    }
  }
}

/// One scale for all panels: the longer side of the smallest is at least 320 pixels, and no side is longer than 900.
private func pixelsPerMillimetre(_ image: Volume) -> Double {
  let lengths = (0..<3).map { Double(image.extent[$0]) * image.spacing[$0] }
  let smallest = SlicePlane.allCases.map { max(lengths[$0.horizontal], lengths[$0.vertical]) }.min()!
  return min(320 / smallest, 900 / lengths.max()!)
}

/// The 1st and 99th percentile of the intensities, from at most about 100,000 voxels.
private func robustWindow(_ voxels: [Float]) -> ClosedRange<Float> {
  let step = max(1, voxels.count / 100_000) | 1  // odd, so that it does not fall into step with the rows
  let sample = stride(from: 0, to: voxels.count, by: step).map { voxels[$0] }.sorted()
  guard let last = sample.indices.last else { return 0...1 }
  let (low, high) = (sample[last / 100], sample[last * 99 / 100])
  return low...(high > low ? high : low + 1)
}

private func drawOverlay(_ panels: [[OverlayPanel]], titles: [String], classNames: [String]) -> Canvas {
  let (gap, titleHeight, captionWidth) = (10, 34, 26)
  let cellWidth = panels.map { $0[0].width }.max()!
  let width = captionWidth + titles.count * (cellWidth + gap) + gap
  let legend = Legend(shownClasses(panels), classNames: classNames, width: width - captionWidth - 2 * gap)
  let height = titleHeight + panels.reduce(0) { $0 + $1[0].height + gap } + legend.height + (legend.height > 0 ? gap : 0)
  let ink = Color(225, 228, 232)
  var canvas = Canvas(width: width, height: height, background: Color(22, 24, 28))
  for (column, title) in titles.enumerated() {
    let left = captionWidth + gap + column * (cellWidth + gap)
    canvas.draw(title, x: left + (cellWidth - BitmapFont.width(of: title, scale: 2)) / 2, y: 10, scale: 2, ink)
  }
  var top = titleHeight
  for row in panels {
    canvas.drawUpwards(row[0].plane.name, x: 10, y: top, length: row[0].height, scale: 2, ink)
    for (column, panel) in row.enumerated() {
      let left = captionWidth + gap + column * (cellWidth + gap) + (cellWidth - panel.width) / 2
      panel.draw(on: &canvas, x: left, y: top)
    }
    top += row[0].height + gap
  }
  legend.draw(on: &canvas, x: captionWidth + gap, y: top, ink)
  return canvas
}

private func shownClasses(_ panels: [[OverlayPanel]]) -> [Int] {
  var seen = Set<UInt8>()
  for panel in panels.joined() { if let labels = panel.labels { seen.formUnion(labels.values) } }
  return seen.subtracting([0]).sorted().map(Int.init)
}
