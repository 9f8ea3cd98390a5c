// One panel of an overlay picture: a grey slice at its physical aspect ratio, with classes as translucent areas and solid outlines.

import Volumes

struct OverlayPanel {
  var plane: SlicePlane
  var image: SliceImage<Float>
  /// Nil for the panel without classes.
  var labels: SliceImage<UInt8>?
  /// Intensities shown as black and white.
  var window: ClosedRange<Float>
  /// The size in pixels.
  var width, height: Int

  /// Paints the panel with its upper left corner at (x, y).
  func draw(on canvas: inout Canvas, x: Int, y: Int) {
    let classes = labels.map(pixelLabels)
    for row in 0..<height {
      for column in 0..<width {
        var color = Color(gray: gray(row, column))
        if let classes, classes[row * width + column] != 0 {
          let tint = classColor(Int(classes[row * width + column]))
          color = color.mixed(with: tint, part: isOutline(classes, row, column) ? 1 : 0.25)
        }
        canvas[x + column, y + row] = color
      }
    }
    drawLetters(on: &canvas, x: x, y: y)
  }

  private func gray(_ row: Int, _ column: Int) -> Float {
    let position = voxel(row, column)
    let (v, w) = image.neighbours(row: position.row, column: position.column)
    let value = v.0 * w[0] + v.1 * w[1] + v.2 * w[2] + v.3 * w[3]
    return (value - window.lowerBound) / (window.upperBound - window.lowerBound)
  }

  /// The position in voxels of a pixel's centre.
  private func voxel(_ row: Int, _ column: Int) -> (row: Float, column: Float) {
    (
      (Float(row) + 0.5) * Float(image.rows) / Float(height) - 0.5,
      (Float(column) + 0.5) * Float(image.columns) / Float(width) - 0.5
    )
  }

  /// The class of every pixel: the one with the greatest weight among the four voxels around, which rounds the steps of enlarged voxels.
  private func pixelLabels(_ labels: SliceImage<UInt8>) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: width * height)
    for row in 0..<height {
      for column in 0..<width {
        let position = voxel(row, column)
        let (v, w) = labels.neighbours(row: position.row, column: position.column)
        var best: (label: UInt8, weight: Float) = (0, -1)
        func consider(_ label: UInt8) {
          let weight =
            (v.0 == label ? w[0] : 0) + (v.1 == label ? w[1] : 0) + (v.2 == label ? w[2] : 0) + (v.3 == label ? w[3] : 0)
          if weight > best.weight { best = (label, weight) }
        }
        consider(v.0)
        if v.1 != v.0 || v.2 != v.0 || v.3 != v.0 {
          consider(v.1)
          consider(v.2)
          consider(v.3)
        }
        result[row * width + column] = best.label
      }
    }
    return result
  }

  /// Whether a pixel lies within two pixels of the edge of its class.
  private func isOutline(_ classes: [UInt8], _ row: Int, _ column: Int) -> Bool {
    let label = classes[row * width + column]
    for step in 1...2 {
      if row >= step, classes[(row - step) * width + column] != label { return true }
      if row + step < height, classes[(row + step) * width + column] != label { return true }
      if column >= step, classes[row * width + column - step] != label { return true }
      if column + step < width, classes[row * width + column + step] != label { return true }
    }
    return false
  }

  /// Letters of the directions, with a dark edge so that they can be read on any tissue.
  private func drawLetters(on canvas: inout Canvas, x: Int, y: Int) {
    let (glyphWidth, glyphHeight) = (BitmapFont.width * 2, BitmapFont.height * 2)
    let letters = plane.letters
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
