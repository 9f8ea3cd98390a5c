// One panel of a figure: a slice at its physical aspect ratio, painted layer over layer, with the letters of its directions.

import Volumes

struct Panel {
  /// A rectangle around voxels of the slice.
  struct Mark {
    var rows, columns: ClosedRange<Int>
    var color: Color
  }

  var plane: SlicePlane
  /// The size in pixels.
  var width, height: Int
  /// The layers from the bottom to the top; all have the same voxels.
  var layers: [PanelLayer]
  var marks: [Mark] = []
  var showsLetters = true

  var colorBar: ColorBar? { layers.lazy.compactMap(\.colorBar).first }

  /// Paints the panel with its upper left corner at (x, y).
  func draw(on canvas: inout Canvas, x: Int, y: Int) {
    for layer in layers {
      let paint = layer.painter(width: width, height: height)
      for row in 0..<height {
        for column in 0..<width { canvas[x + column, y + row] = paint(canvas[x + column, y + row], row, column) }
      }
    }
    for mark in marks { draw(mark, on: &canvas, x: x, y: y) }
    if showsLetters { drawLetters(on: &canvas, x: x, y: y) }
  }

  /// A frame four pixels away from its voxels, kept inside the panel.
  private func draw(_ mark: Mark, on canvas: inout Canvas, x: Int, y: Int) {
    guard let (rows, columns) = layers.first?.voxels else { return }
    let (left, right) = span(mark.columns, of: columns, pixels: width), (top, bottom) = span(mark.rows, of: rows, pixels: height)
    canvas.frame(x: x + left, y: y + top, width: right - left, height: bottom - top, thickness: 2, mark.color)
  }

  private func span(_ range: ClosedRange<Int>, of voxels: Int, pixels: Int) -> (Int, Int) {
    (max(0, range.lowerBound * pixels / voxels - 4), min(pixels, (range.upperBound + 1) * pixels / voxels + 4))
  }

  /// Letters of the directions, with a dark edge so that they can be read on any tissue.
  private func drawLetters(on canvas: inout Canvas, x: Int, y: Int) {
    let letters = plane.letters, glyphHeight = TextFont.height(scale: 2)
    let glyphWidth = [letters.top, letters.left, letters.right].map { TextFont.width(of: $0, scale: 2) }.max() ?? 0
    let (middleX, middleY) = (x + (width - glyphWidth) / 2, y + (height - glyphHeight) / 2)
    for (letter, left, top) in [
      (letters.top, middleX, y + 6), (letters.left, x + 6, middleY), (letters.right, x + width - 6 - glyphWidth, middleY),
    ] {
      for shift in [(-2, 0), (2, 0), (0, -2), (0, 2)] {
        canvas.draw(letter, x: left + shift.0, y: top + shift.1, scale: 2, Color(20, 22, 20))
      }
      canvas.draw(letter, x: left, y: top, scale: 2, Color(222, 232, 190))
    }
  }
}

extension Panel {
  /// A slice of a plane at its physical size.
  init(
    plane: SlicePlane, layers: [PanelLayer], extent: Extent, spacing: Spacing, pixelsPerMillimetre: Double, marks: [Mark] = [],
    showsLetters: Bool = true
  ) {
    func pixels(_ axis: Int) -> Int { max(8, Int((Double(extent[axis]) * spacing[axis] * pixelsPerMillimetre).rounded())) }
    self.init(
      plane: plane, width: pixels(plane.horizontal), height: pixels(plane.vertical), layers: layers, marks: marks,
      showsLetters: showsLetters)
  }

  /// An axial slice whose longer side has `longest` pixels.
  init(axial layers: [PanelLayer], extent: Extent, spacing: Spacing, longest: Int, marks: [Mark] = [], showsLetters: Bool = true)
  {
    let sides = (height: Double(extent.height) * spacing.height, width: Double(extent.width) * spacing.width)
    self.init(
      plane: .axial, layers: layers, extent: extent, spacing: spacing,
      pixelsPerMillimetre: Double(longest) / max(sides.height, sides.width), marks: marks, showsLetters: showsLetters)
  }
}
