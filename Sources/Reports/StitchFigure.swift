// The picture of a stitched crop: its slices side by side on the canvas as the network sees them, and, beside it, pseudo-labels back in the volume.
// Axes: D depth, H height, W width of the volume, S side of the canvas.

import Volumes

/// What a stitched crop looks like, and what came back from a canvas.
public struct StitchFigure: Sendable {
  /// A volume with labels that came back from a canvas.
  public struct Volume: Sendable {
    public var extent: Extent
    public var spacing: Spacing
    /// [D, H, W].
    public var image: [Float]
    /// [D, H, W].
    public var pseudoLabel: [UInt8]
    /// [D, H, W]; nil where there is none.
    public var label: [UInt8]?
    /// The first voxel (D, H, W) of the crop, beyond the volume where it is padded, and its size.
    public var cropStart: [Int]
    public var crop: Extent

    public init(
      extent: Extent, spacing: Spacing, image: [Float], pseudoLabel: [UInt8], label: [UInt8]?, cropStart: [Int], crop: Extent
    ) {
      (self.extent, self.spacing, self.image, self.pseudoLabel) = (extent, spacing, image, pseudoLabel)
      (self.label, self.cropStart, self.crop) = (label, cropStart, crop)
    }
  }

  public var title: String
  /// S in pixels.
  public var side: Int
  /// [S, S].
  public var image: [Float]
  /// [S, S]; pixels of `ignored` are gaps. Nil where the case has no label.
  public var label: [UInt8]?
  /// The label of gaps.
  public var ignored: UInt8
  /// Nil where nothing came back.
  public var volume: Volume?
  /// Index = label value.
  public var classNames: [String]

  public init(
    title: String, side: Int, image: [Float], label: [UInt8]?, ignored: UInt8, volume: Volume?, classNames: [String]
  ) {
    (self.title, self.side, self.image, self.label) = (title, side, image, label)
    (self.ignored, self.volume, self.classNames) = (ignored, volume, classNames)
  }
}

/// Writes a PNG of the canvas, 1024 pixels wide, with the label's classes and, in blue, what carries none. If a volume is given, its fullest
/// axial, coronal and sagittal slices stand on the right with the pseudo-label's classes, the label's outlines in white and a frame around
/// the crop. The canvas is not turned as radiologists read: it is what the network sees.
///
/// Errors: a path that cannot be written.
public func writeStitchFigure(_ figure: StitchFigure, to path: String) throws(ReportError) {
  let left = canvasFigure(figure).canvas()
  guard let volume = figure.volume else { return try left.write(to: path) }
  let right = volumeFigure(volume, classNames: figure.classNames).canvas()
  var both = Canvas(
    width: left.width + right.width, height: max(left.height, right.height), background: Figure.Style.dark.background)
  both.draw(left, x: 0, y: 0)
  both.draw(right, x: left.width, y: 0)
  try both.write(to: path)
}

private let (gapColor, outlineColor) = (Color(40, 60, 120), Color(255, 255, 255))

private func canvasFigure(_ figure: StitchFigure) -> Figure {
  func picture<Value>(_ values: [Value]) -> SliceImage<Value> {
    SliceImage(rows: figure.side, columns: figure.side, values: values)
  }
  var layers: [PanelLayer] = [.gray(picture(figure.image), window: robustWindow(figure.image))], legend: [Legend.Item] = []
  if let label = figure.label {
    let classes = picture(label.map { $0 == figure.ignored ? 0 : $0 })
    layers += [
      .mask(picture(label.map { $0 == figure.ignored ? 1 : 0 }), gapColor, part: 0.7), .classes(classes),
    ]
    legend = Legend.classes([classes], classNames: figure.classNames) + [Legend.Item(color: gapColor, name: "ignored")]
  }
  let panel = Panel(plane: .axial, width: 1024, height: 1024, layers: layers, showsLetters: false)
  return Figure(style: .dark, columnTitles: [figure.title], rowTitles: [""], panels: [[panel]], legend: legend)
}

private func volumeFigure(_ volume: StitchFigure.Volume, classNames: [String]) -> Figure {
  let window = robustWindow(volume.image), scale = pixelsPerMillimetre(volume.extent, volume.spacing)
  let shown = SlicePlane.allCases.map { plane in
    let index = plane.fullestSlice(volume.pseudoLabel, extent: volume.extent)
    func slice<Value>(_ values: [Value]) -> SliceImage<Value> { plane.slice(values, extent: volume.extent, index: index) }
    let classes = slice(volume.pseudoLabel)
    let layers: [PanelLayer] = [.gray(slice(volume.image), window: window), .classes(classes)]
    let outlines = volume.label.map { [PanelLayer.outlines(slice($0), outlineColor)] } ?? []
    let panel = Panel(
      plane: plane, layers: layers + outlines, extent: volume.extent, spacing: volume.spacing, pixelsPerMillimetre: scale,
      marks: [volume.mark(plane)].compactMap { $0 })
    return (panel: panel, classes: classes)
  }
  let label = volume.label == nil ? [] : [Legend.Item(color: outlineColor, name: "label")]
  return Figure(
    style: .dark, columnTitles: ["Pseudo-label"], rowTitles: SlicePlane.allCases.map(\.name), panels: shown.map { [$0.panel] },
    legend: Legend.classes(shown.map(\.classes), classNames: classNames) + label)
}

extension StitchFigure.Volume {
  /// The crop's part of the volume in a picture of this plane, whose rows and columns run against the volume's axes.
  fileprivate func mark(_ plane: SlicePlane) -> Panel.Mark? {
    func range(_ axis: Int) -> ClosedRange<Int>? {
      let first = max(0, cropStart[axis]), last = min(extent[axis], cropStart[axis] + crop[axis]) - 1
      return first <= last ? extent[axis] - 1 - last...extent[axis] - 1 - first : nil
    }
    guard let rows = range(plane.vertical), let columns = range(plane.horizontal) else { return nil }
    return Panel.Mark(rows: rows, columns: columns, color: Color(255, 235, 59))
  }
}
