// Charts as one picture for folders and mails, where no browser draws SVG: the same axes and series on a raster.

import Foundation

/// Writes charts as a PNG, two in a row.
///
/// Errors: no chart, a path that cannot be written.
public func writeCharts(_ charts: [Chart], title: String, to path: String) throws(ReportError) {
  guard !charts.isEmpty else { throw ReportError("\(path) cannot be drawn without a chart: give at least one.") }
  let style = Figure.Style.light, (width, height, top) = (620, 300, 40)
  var canvas = Canvas(
    width: width * min(2, charts.count), height: top + height * ((charts.count + 1) / 2), background: style.background)
  canvas.draw(title, x: 20, y: 14, scale: 2, style.ink)
  for (number, chart) in charts.enumerated() {
    ChartPicture(chart: chart, left: number % 2 * width, top: top + number / 2 * height, width: width, height: height)
      .draw(on: &canvas)
  }
  try canvas.write(to: path)
}

/// A chart in its place on a canvas, in pixels.
private struct ChartPicture {
  let chart: Chart
  let left, top, width, height: Int

  private static let ink = Color(34, 34, 34), grid = Color(221, 221, 221), legendWidth = 150

  private var axes: (left: Double, right: Double, top: Double, bottom: Double) {
    (Double(left + 70), Double(left + width - Self.legendWidth), Double(top + 26), Double(top + height - 34))
  }
  private func x(_ value: Double) -> Double { axes.left + (axes.right - axes.left) * chart.x.share(value) }
  private func y(_ value: Double) -> Double { axes.bottom - (axes.bottom - axes.top) * chart.y.share(value) }

  func draw(on canvas: inout Canvas) {
    canvas.draw(chart.title, x: Int(axes.left), y: top + 8, scale: 1, Self.ink)
    drawTicks(on: &canvas)
    for series in chart.series {
      let color = Color(code: series.color), places = series.points.map { (x: x($0.x), y: y($0.y)) }
      if places.count == 1 { canvas.line(from: places[0], to: (places[0].x + 2, places[0].y), color) }
      for (start, end) in zip(places, places.dropFirst()) { canvas.line(from: start, to: end, color) }
    }
    for (row, series) in chart.series.enumerated() {
      let place = (x: Int(axes.right) + 10, y: Int(axes.top) + 14 * row)
      canvas.fill(x: place.x, y: place.y + 2, width: 14, height: 4, Color(code: series.color))
      canvas.draw(String(series.name.prefix(20)), x: place.x + 18, y: place.y, scale: 1, Self.ink)
    }
  }

  private func drawTicks(on canvas: inout Canvas) {
    for tick in chart.y.ticks {
      let row = Int(y(tick)), label = chart.y.label(tick)
      canvas.fill(x: Int(axes.left), y: row, width: Int(axes.right - axes.left), height: 1, Self.grid)
      canvas.draw(label, x: Int(axes.left) - 8 - TextFont.width(of: label, scale: 1), y: row - 4, scale: 1, Self.ink)
    }
    for tick in chart.x.ticks {
      let column = Int(x(tick)), label = chart.x.label(tick)
      canvas.fill(x: column, y: Int(axes.bottom), width: 1, height: 5, Self.ink)
      canvas.draw(label, x: column - TextFont.width(of: label, scale: 1) / 2, y: Int(axes.bottom) + 9, scale: 1, Self.ink)
    }
    canvas.fill(x: Int(axes.left), y: Int(axes.top), width: 1, height: Int(axes.bottom - axes.top), Self.ink)
    canvas.fill(x: Int(axes.left), y: Int(axes.bottom), width: Int(axes.right - axes.left), height: 1, Self.ink)
    canvas.draw(
      chart.x.title, x: Int(axes.right) - TextFont.width(of: chart.x.title, scale: 1), y: top + height - 12, scale: 1, Self.ink)
  }
}
