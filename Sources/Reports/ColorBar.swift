// The bar below a panel that says which colour stands for which value.

import Foundation

struct ColorBar {
  var map: ColorMap
  /// The values at the left and at the right end.
  var range: ClosedRange<Float>

  /// Pixels that the bar and its numbers take below a panel.
  static let height = 36
  private static let (gap, thickness) = (6, 10)

  /// Draws the bar below a panel whose lower left corner is (x, y).
  func draw(on canvas: inout Canvas, x: Int, y: Int, width: Int, _ ink: Color) {
    for column in 0..<width {
      let color = map.color((Float(column) + 0.5) / Float(width))
      canvas.fill(x: x + column, y: y + Self.gap, width: 1, height: Self.thickness, color)
    }
    let (low, high) = (text(range.lowerBound), text(range.upperBound)), top = y + Self.gap + Self.thickness + 4
    canvas.draw(low, x: x, y: top, scale: 1, ink)
    canvas.draw(high, x: x + width - TextFont.width(of: high, scale: 1), y: top, scale: 1, ink)
  }

  private func text(_ value: Float) -> String { String(format: "%.3g", value) }
}
