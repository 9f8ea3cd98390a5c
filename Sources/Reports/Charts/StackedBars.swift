// Bars of parts on top of each other, as SVG text.

/// One part of every bar.
public struct BarPart: Sendable {
  public var name: String
  /// A colour of CSS: #rrggbb.
  public var color: String
  /// One value for each bar, none negative.
  public var values: [Double]

  public init(name: String, color: String, values: [Double]) { (self.name, self.color, self.values) = (name, color, values) }
}

/// Stacked bars with a label below each.
public struct StackedBars: Sendable {
  public var title: String
  /// The title below the labels of all bars.
  public var xTitle: String
  /// What the bars measure, with its unit.
  public var yTitle: String
  public var labels: [String]
  /// The first lies at the bottom.
  public var parts: [BarPart]

  public init(title: String, xTitle: String, yTitle: String, labels: [String], parts: [BarPart]) {
    (self.title, self.xTitle, self.yTitle, self.labels, self.parts) = (title, xTitle, yTitle, labels, parts)
  }

  /// The picture, 640 x 400 pixels.
  public var svg: String {
    let totals = labels.indices.map { bar in parts.reduce(0) { $0 + $1.values[bar] } }
    let axis = ChartAxis(yTitle, .linear, values: totals, fromZero: true)
    var drawing = SVGDrawing(width: 640, height: 400)
    let frame = ChartFrame(x: nil, y: axis)
    frame.draw(title: title, in: &drawing)
    let slot = (frame.right - frame.left) / Double(max(1, labels.count))
    for (bar, label) in labels.enumerated() {
      let middle = frame.left + slot * (Double(bar) + 0.5)
      var below = 0.0
      for part in parts {
        let value = part.values[bar], height = frame.y(below) - frame.y(below + value)
        drawing.rectangle(
          x: middle - slot * 0.3, y: frame.y(below + value), width: slot * 0.6, height: height, part.color,
          tip: "\(label): \(part.name) \(axis.label(value))")
        below += value
      }
      drawing.text(label, (middle, frame.bottom + 20), .middle)
    }
    drawing.text(xTitle, ((frame.left + frame.right) / 2, frame.bottom + 42), size: 13, .middle)
    frame.legend(parts.reversed().map { ($0.name, $0.color, false) }, in: &drawing)
    return drawing.svg
  }
}
