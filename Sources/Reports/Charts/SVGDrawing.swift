// The few SVG elements that charts are made of, as text. Coordinates are pixels from the upper left corner.

import Foundation

/// An SVG picture that grows element by element.
struct SVGDrawing {
  let width: Double
  let height: Double
  private var elements: [String] = []

  init(width: Double, height: Double) { (self.width, self.height) = (width, height) }

  enum Anchor: String { case start, middle, end }

  mutating func line(_ from: (Double, Double), _ to: (Double, Double), _ color: String, width: Double = 1, dashes: String? = nil)
  {
    add(
      "line",
      "x1=\"\(Self.number(from.0))\" y1=\"\(Self.number(from.1))\" x2=\"\(Self.number(to.0))\" y2=\"\(Self.number(to.1))\" "
        + Self.stroke(color, width, dashes))
  }

  mutating func polyline(_ points: [(Double, Double)], _ color: String, width: Double = 2, dashes: String? = nil) {
    add("polyline", "points=\"\(Self.list(points))\" fill=\"none\" " + Self.stroke(color, width, dashes))
  }

  mutating func area(_ points: [(Double, Double)], _ color: String, opacity: Double) {
    add("polygon", "points=\"\(Self.list(points))\" fill=\"\(color)\" fill-opacity=\"\(Self.number(opacity))\"")
  }

  mutating func circle(_ center: (Double, Double), radius: Double, _ color: String) {
    add(
      "circle", "cx=\"\(Self.number(center.0))\" cy=\"\(Self.number(center.1))\" r=\"\(Self.number(radius))\" fill=\"\(color)\"")
  }

  mutating func rectangle(x: Double, y: Double, width: Double, height: Double, _ color: String, tip: String) {
    let frame =
      "x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\" height=\"\(Self.number(height))\""
    elements.append("<rect \(frame) fill=\"\(color)\"><title>\(escaped(tip))</title></rect>")
  }

  mutating func text(
    _ text: String, _ place: (Double, Double), size: Double = 12, _ anchor: Anchor = .start, bold: Bool = false,
    turned: Bool = false
  ) {
    let (x, y) = (Self.number(place.0), Self.number(place.1))
    let turn = turned ? " transform=\"rotate(-90 \(x) \(y))\"" : ""
    let weight = bold ? " font-weight=\"bold\"" : ""
    elements.append(
      "<text x=\"\(x)\" y=\"\(y)\" font-size=\"\(Self.number(size))\" text-anchor=\"\(anchor.rawValue)\"\(weight)\(turn)>"
        + "\(escaped(text))</text>"
    )
  }

  /// The whole element.
  var svg: String {
    let size =
      "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\" "
      + "viewBox=\"0 0 \(Self.number(width)) \(Self.number(height))\""
    let head = "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) font-family=\"sans-serif\" fill=\"#222222\">"
    let ground = "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
    return ([head, ground] + elements + ["</svg>"]).joined(separator: "\n")
  }

  private mutating func add(_ name: String, _ attributes: String) { elements.append("<\(name) \(attributes)/>") }

  private static func stroke(_ color: String, _ width: Double, _ dashes: String?) -> String {
    "stroke=\"\(color)\" stroke-width=\"\(number(width))\"" + (dashes.map { " stroke-dasharray=\"\($0)\"" } ?? "")
  }

  private static func list(_ points: [(Double, Double)]) -> String {
    points.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
  }

  private static func number(_ value: Double) -> String { String(format: "%g", (value * 100).rounded() / 100) }
}

/// Text that may stand between tags and in attributes of SVG.
func escaped(_ text: String) -> String {
  text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
}
