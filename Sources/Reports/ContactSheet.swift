// A contact sheet: the middle slices of several volumes with a line below each, three planes for a volume, one or more volumes in a row.

import Volumes

/// A volume of a contact sheet. Arrays are [D, H, W].
public struct ContactVolume: Sendable {
  public var extent: Extent
  public var spacing: Spacing
  public var image: [Float]
  /// Three texts: below the axial, the coronal and the sagittal slice.
  public var lines: [String]

  public init(extent: Extent, spacing: Spacing, image: [Float], lines: [String]) {
    (self.extent, self.spacing, self.image, self.lines) = (extent, spacing, image, lines)
  }
}

/// Writes a PNG with the volumes in their order, row by row.
///
/// Intensities are shown from their 1st to their 99th percentile, voxels at their physical shape, each volume as large as fits.
/// Errors: no volume, a path that cannot be written.
public func writeContactSheet(_ volumes: [ContactVolume], to path: String) throws(ReportError) {
  guard !volumes.isEmpty else { throw ReportError("\(path) cannot be drawn without a volume: name at least one.") }
  let across = volumes.count < 4 ? 1 : volumes.count < 12 ? 2 : 3
  let rows = stride(from: 0, to: volumes.count, by: across).map { Array(volumes[$0..<min($0 + across, volumes.count)]) }
  let panels = rows.map { row in row.flatMap(slices) + [Panel?](repeating: nil, count: 3 * (across - row.count)) }
  let captions = rows.map { row in
    row.flatMap { $0.lines.map { [$0] } } + [[String]](repeating: [], count: 3 * (across - row.count))
  }
  let titles = [[String]](repeating: SlicePlane.allCases.map(\.name), count: across).flatMap { $0 }
  let figure = Figure(
    style: .dark, columnTitles: titles, rowTitles: rows.map { _ in "" }, panels: panels, captions: captions)
  try figure.canvas().write(to: path)
}

/// The longer side of every panel, pixels.
private let longest = 300.0

private func slices(_ volume: ContactVolume) -> [Panel?] {
  let window = robustWindow(volume.image), lengths = (0..<3).map { Double(volume.extent[$0]) * volume.spacing[$0] }
  return SlicePlane.allCases.map { plane in
    let slice = plane.slice(volume.image, extent: volume.extent, index: volume.extent[plane.normal] / 2)
    return Panel(
      plane: plane, layers: [.gray(slice, window: window)], extent: volume.extent, spacing: volume.spacing,
      pixelsPerMillimetre: longest / lengths.max()!)
  }
}
