// The figure of the smooth orthogonal bias field as on ReLiF-3D's page (visdomlab.github.io/ReLiF_3D): clean image, both fields,
// the view, what changed, the labels. Arrays are [D, H, W].

import Volumes

/// One case with the view that a bias field makes of it.
public struct SOBFFigureRow: Sendable {
  public var identifier: String
  public var extent: Extent
  public var spacing: Spacing
  /// Normalised intensities.
  public var image: [Float]
  /// M and A.
  public var multiplicativeField, additiveField: [Float]
  /// x·M + A, clamped.
  public var view: [Float]
  /// The label; nil leaves its panel empty.
  public var label: [UInt8]?

  public init(
    identifier: String, extent: Extent, spacing: Spacing, image: [Float], multiplicativeField: [Float], additiveField: [Float],
    view: [Float], label: [UInt8]?
  ) {
    (self.identifier, self.extent, self.spacing, self.image) = (identifier, extent, spacing, image)
    (self.multiplicativeField, self.additiveField) = (multiplicativeField, additiveField)
    (self.view, self.label) = (view, label)
  }
}

/// Writes a PNG with a row for each case: the axial slice with the largest label area, else the middle one. M is coloured over
/// 1 ± α and A over ±α of its strength, the difference |view - image| from 0 to the largest of the row; the view has the image's
/// window.
///
/// Errors: no row, a path that cannot be written.
public func writeSOBFFigure(
  _ rows: [SOBFFigureRow], strengths: (multiplicative: Double, additive: Double), to path: String
) throws(ReportError) {
  guard !rows.isEmpty else { throw ReportError("\(path) cannot be drawn without a case: name at least one.") }
  let gain = Float(strengths.multiplicative), shift = Float(strengths.additive)
  let figure = Figure(
    style: .light, columnTitles: ["Clean Image", "M Field", "A Field", "SOBF Image", "Difference", "Ground Truth"],
    rowTitles: rows.map(\.identifier), panels: rows.map { panels($0, gain: 1 - gain...1 + gain, shift: -shift...shift) })
  try figure.canvas().write(to: path)
}

private func panels(_ row: SOBFFigureRow, gain: ClosedRange<Float>, shift: ClosedRange<Float>) -> [Panel?] {
  let index = SlicePlane.axial.fullestSlice(row.label, extent: row.extent)
  func slice<Value>(_ values: [Value]) -> SliceImage<Value> {
    SlicePlane.axial.slice(values, extent: row.extent, index: index)
  }
  var difference = slice(row.image)
  difference.values = zip(difference.values, slice(row.view).values).map { abs($0 - $1) }
  let largest = max(difference.values.max() ?? 0, .leastNormalMagnitude)
  let window = robustWindow(row.image), black = Color(0, 0, 0), salmon = Color(250, 128, 114)
  let layers: [[PanelLayer]?] = [
    [.gray(slice(row.image), window: window)],
    [.colors(slice(row.multiplicativeField), .viridis, range: gain)],
    [.colors(slice(row.additiveField), .coolwarm, range: shift)],
    [.gray(slice(row.view), window: window)],
    [.colors(difference, .hot, range: 0...largest)],
    row.label.map { [.blank(slice($0), black), .mask(slice($0), salmon, part: 1)] },
  ]
  return layers.map { layers in
    layers.map { Panel(axial: $0, extent: row.extent, spacing: row.spacing, longest: 240, showsLetters: false) }
  }
}
