// A chart of lines and points with intervals over two axes, as SVG text.

import Foundation

/// A value with what it may be at least and at most.
public struct ChartPoint: Sendable {
  public var x: Double
  public var y: Double
  public var interval: ClosedRange<Double>?

  public init(x: Double, y: Double, interval: ClosedRange<Double>? = nil) { (self.x, self.y, self.interval) = (x, y, interval) }
}

/// Points of one kind.
public struct ChartSeries: Sendable {
  public enum Style: Sendable {
    /// Points with bars for their intervals, joined by a line.
    case points
    /// A line alone, for many points.
    case line
    /// A dashed line in a band of its intervals.
    case band
    /// A thin dashed line, for comparison.
    case guide
  }
  public var name: String
  /// A colour of CSS: #rrggbb.
  public var color: String
  public var style: Style
  public var points: [ChartPoint]

  public init(name: String, color: String, style: Style, points: [ChartPoint]) {
    (self.name, self.color, self.style, self.points) = (name, color, style, points)
  }
}

/// Series over two axes.
public struct Chart: Sendable {
  public var title: String
  public var x: ChartAxis
  public var y: ChartAxis
  public var series: [ChartSeries]

  public init(title: String, x: ChartAxis, y: ChartAxis, series: [ChartSeries]) {
    (self.title, self.x, self.y, self.series) = (title, x, y, series)
  }

  /// The picture, 640 x 400 pixels.
  public var svg: String {
    var drawing = SVGDrawing(width: 640, height: 400)
    draw(ChartFrame(x: x, y: y), in: &drawing)
    return drawing.svg
  }

  /// Draws the chart into a part of a larger picture.
  func draw(_ frame: ChartFrame, in drawing: inout SVGDrawing) {
    frame.draw(title: title, in: &drawing)
    frame.xTicks(in: &drawing)
    for one in series { draw(one, frame, in: &drawing) }
    frame.legend(series.map { ($0.name, $0.color, $0.style == .band || $0.style == .guide) }, in: &drawing)
  }

  private func draw(_ series: ChartSeries, _ frame: ChartFrame, in drawing: inout SVGDrawing) {
    let places = series.points.map { (frame.x($0.x), frame.y($0.y)) }
    let intervals = series.points.compactMap { point in
      point.interval.map { (frame.x(point.x), frame.y($0.lowerBound), frame.y($0.upperBound)) }
    }
    switch series.style {
    case .line: drawing.polyline(places, series.color, width: 1.5)
    case .guide: drawing.polyline(places, series.color, width: 1.2, dashes: "2 4")
    case .band:
      drawing.area(intervals.map { ($0.0, $0.1) } + intervals.reversed().map { ($0.0, $0.2) }, series.color, opacity: 0.18)
      drawing.polyline(places, series.color, dashes: "7 4")
    case .points:
      drawing.polyline(places, series.color, width: 1.5)
      for (x, low, high) in intervals {
        drawing.line((x, low), (x, high), series.color, width: 1.5)
        for end in [low, high] { drawing.line((x - 5, end), (x + 5, end), series.color, width: 1.5) }
      }
      for place in places { drawing.circle(place, radius: 4, series.color) }
    }
  }
}

/// The axes of a chart, of 640 x 400 pixels unless it is part of a larger picture, and what all charts show around their data.
struct ChartFrame {
  static let ink = "#222222"
  let left, right, top, bottom: Double
  let xAxis: ChartAxis?
  let yAxis: ChartAxis

  /// - Parameters:
  ///   - horizontal: pixels from the left to the right end of the axes.
  ///   - vertical: pixels from their top to their bottom.
  init(x: ChartAxis?, y: ChartAxis, horizontal: ClosedRange<Double> = 70...480, vertical: ClosedRange<Double> = 36...340) {
    (xAxis, yAxis) = (x, y)
    (left, right, top, bottom) = (horizontal.lowerBound, horizontal.upperBound, vertical.lowerBound, vertical.upperBound)
  }

  func x(_ value: Double) -> Double { left + (right - left) * (xAxis?.share(value) ?? 0) }
  func y(_ value: Double) -> Double { bottom - (bottom - top) * yAxis.share(value) }

  /// Title, axis titles, the vertical axis with its grid.
  func draw(title: String, in drawing: inout SVGDrawing) {
    drawing.text(title, (left, top - 14), size: 15, bold: true)
    for tick in yAxis.ticks {
      drawing.line((left, y(tick)), (right, y(tick)), "#dddddd")
      drawing.text(yAxis.label(tick), (left - 8, y(tick) + 4), .end)
    }
    drawing.line((left, top), (left, bottom), Self.ink)
    drawing.line((left, bottom), (right, bottom), Self.ink)
    drawing.text(xAxis?.title ?? "", ((left + right) / 2, bottom + 42), size: 13, .middle)
    drawing.text(yAxis.title, (left - 52, (top + bottom) / 2), size: 13, .middle, turned: true)
  }

  /// The ticks of the horizontal axis.
  func xTicks(in drawing: inout SVGDrawing) {
    guard let xAxis else { return }
    for tick in xAxis.ticks {
      drawing.line((x(tick), bottom), (x(tick), bottom + 5), Self.ink)
      drawing.text(xAxis.label(tick), (x(tick), bottom + 20), .middle)
    }
  }

  /// Draws the legend on the right: a dashed or whole stroke of each colour and its name.
  func legend(_ entries: [(name: String, color: String, isDashed: Bool)], in drawing: inout SVGDrawing) {
    for (row, entry) in entries.enumerated() {
      let height = top + 12 + 20 * Double(row)
      drawing.line((right + 14, height), (right + 38, height), entry.color, width: 4, dashes: entry.isDashed ? "6 3" : nil)
      drawing.text(entry.name, (right + 44, height + 4))
    }
  }
}
