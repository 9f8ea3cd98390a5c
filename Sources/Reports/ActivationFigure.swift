// The figure of class activation maps as on ReLiF-3D's page (visdomlab.github.io/ReLiF_3D): a column for each case; rows image,
// reference, and one for each method. Arrays are [D, H, W].

import Volumes

/// One case with the activation maps of all methods.
public struct ActivationColumn: Sendable {
  public var identifier: String
  public var extent: Extent
  public var spacing: Spacing
  public var image: [Float]
  /// Voxels of the class in the reference, 1, others 0; nil without a reference.
  public var reference: [UInt8]?
  /// Voxels that the first method predicts as the class, 1, others 0.
  public var prediction: [UInt8]
  /// 0...1, one for each method.
  public var maps: [[Float]]

  public init(
    identifier: String, extent: Extent, spacing: Spacing, image: [Float], reference: [UInt8]?, prediction: [UInt8],
    maps: [[Float]]
  ) {
    (self.identifier, self.extent, self.spacing, self.image) = (identifier, extent, spacing, image)
    (self.reference, self.prediction, self.maps) = (reference, prediction, maps)
  }
}

/// Writes a PNG of the axial slices with the largest reference area (predicted area without a reference, the middle without
/// either). The row of references is left out when no case has one.
///
/// Errors: no case, a path that cannot be written.
public func writeActivationFigure(_ columns: [ActivationColumn], methods: [String], to path: String) throws(ReportError) {
  guard !columns.isEmpty else { throw ReportError("\(path) cannot be drawn without a case: name at least one.") }
  let hasReference = columns.contains { $0.reference != nil }
  let drawn = columns.map { panels($0, withReference: hasReference) }
  let figure = Figure(
    style: .light, columnTitles: columns.map(\.identifier),
    rowTitles: ["Image"] + (hasReference ? ["Ground Truth"] : []) + methods,
    panels: drawn[0].indices.map { row in drawn.map { $0[row] } })
  try figure.canvas().write(to: path)
}

/// The panels of a column from the top down.
private func panels(_ column: ActivationColumn, withReference: Bool) -> [Panel?] {
  let index = SlicePlane.axial.fullestSlice(column.reference ?? column.prediction, extent: column.extent)
  func slice<Value>(_ values: [Value]) -> SliceImage<Value> {
    SlicePlane.axial.slice(values, extent: column.extent, index: index)
  }
  func panel(_ layers: [PanelLayer]) -> Panel {
    let gray = PanelLayer.gray(slice(column.image), window: robustWindow(column.image))
    return Panel(axial: [gray] + layers, extent: column.extent, spacing: column.spacing, longest: 300, showsLetters: false)
  }
  let reference = column.reference.map { panel([.mask(slice($0), Color(235, 64, 52), part: 0.45)]) }
  return [panel([])] + (withReference ? [reference] : []) + column.maps.map { panel([.activation(slice($0))]) }
}
