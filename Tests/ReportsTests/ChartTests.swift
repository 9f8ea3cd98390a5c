// Charts as SVG text: well-formed, ticks that hold the data, points where the axes place them.

import Foundation
import Testing

import Reports

@Suite struct ChartTests {
  private func isWellFormed(_ text: String) -> Bool { XMLDocumentCheck(text).isSound }

  @Test(arguments: [
    ([1.0, 8.0], [1.0, 2, 4, 8]), ([3.0, 5.0], [2.0, 4, 8]), ([1.0, 1.0], [1.0, 2]),
    ([100.0, 1e7], [100.0, 1e3, 1e4, 1e5, 1e6, 1e7]),
    ([0.0, -1, .nan, 4, 4], [4.0, 8]),
  ]) func logarithmicTicksAreRoundAndHoldTheValues(_ values: [Double], _ ticks: [Double]) {
    let axis = ChartAxis("x", .logarithmic, values: values)
    #expect(axis.ticks.count == ticks.count && zip(axis.ticks, ticks).allSatisfy { abs($0 / $1 - 1) < 1e-9 }, "\(axis.ticks)")
  }

  @Test(arguments: [([0.1, 0.93], 0.0, 1.0), ([3.0, 3.0], 0, 3), ([0.002, 0.0031], 0, 0.004)])
  func linearTicksBeginAtZeroWhereAsked(_ values: [Double], _ low: Double, _ high: Double) {
    let axis = ChartAxis("y", .linear, values: values, fromZero: true)
    #expect(abs(axis.ticks.first! - low) < 1e-9 && abs(axis.ticks.last! - high) < 1e-9 && axis.ticks.count <= 8, "\(axis.ticks)")
  }

  @Test func sizesHaveTheirUnits() {
    let axis = ChartAxis("bytes", .bytes, values: [4096, 5e6])
    #expect(axis.ticks.map(axis.label) == ["4K", "16K", "64K", "256K", "1M", "4M", "16M"])
  }

  @Test func valuesLieWhereTheAxisSays() {
    let axis = ChartAxis("x", .logarithmic, values: [1, 16])
    #expect(abs(axis.share(4) - 0.5) < 1e-12 && axis.share(1) == 0 && axis.share(16) == 1)
    #expect(axis.share(-1) == 0 && axis.share(99) == 1, "what is beyond stops at the edge")
  }

  @Test func aChartShowsItsSeries() {
    let series = [
      ChartSeries(name: "ideal", color: "#888888", style: .guide, points: [ChartPoint(x: 1, y: 1), ChartPoint(x: 4, y: 4)]),
      ChartSeries(name: "a < b & c", color: "#123456", style: .points, points: [ChartPoint(x: 2, y: 2, interval: 1...4)]),
      ChartSeries(
        name: "model", color: "#654321", style: .band,
        points: [ChartPoint(x: 1, y: 1, interval: 1...2), ChartPoint(x: 4, y: 3, interval: 2...4)]),
    ]
    let svg = Chart(
      title: "T", x: ChartAxis("nodes", .logarithmic, values: [1, 4]),
      y: ChartAxis("lanes per second", .logarithmic, values: [1, 4]),
      series: series
    ).svg
    #expect(isWellFormed(svg))
    #expect(svg.contains("a &lt; b &amp; c") && svg.contains(">nodes<") && svg.contains(">lanes per second<"))
    // The middle of both axes: (70 + 480) / 2, (340 + 36) / 2.
    #expect(svg.contains("<circle cx=\"275\" cy=\"188\" r=\"4\" fill=\"#123456\"/>"))
    #expect(svg.components(separatedBy: "<polygon").count == 2, "one band")
  }

  @Test func barsAreAsHighAsTheirValues() {
    let svg = StackedBars(
      title: "T", xTitle: "nodes", yTitle: "seconds", labels: ["1", "2"],
      parts: [
        BarPart(name: "compute", color: "#00ff00", values: [4, 2]), BarPart(name: "wait", color: "#ffff00", values: [0, 2]),
      ]
    ).svg
    #expect(isWellFormed(svg))
    // The axis goes to 4 over 304 pixels; the bars of 2 are half as high.
    #expect(svg.contains("height=\"304\" fill=\"#00ff00\"") && svg.contains("height=\"152\" fill=\"#00ff00\""))
    #expect(svg.contains("y=\"36\" width=\"123\" height=\"152\" fill=\"#ffff00\""))
  }
}

/// Whether every tag is closed in the right order, and no character stands bare that may not.
struct XMLDocumentCheck {
  var isSound = true

  init(_ text: String) {
    var open: [Substring] = []
    for tag in text.matches(of: /<(\/?)([a-zA-Z]+)[^<>]*?(\/?)>/) {
      if tag.1 == "/" {
        if open.popLast() != tag.2 { isSound = false }
      } else if tag.3.isEmpty {
        open.append(tag.2)
      }
    }
    let rest = text.replacing(/<[^<>]*>/, with: "")
    if !open.isEmpty || rest.contains("<") || rest.contains(">") || rest.contains(/&(?!(amp|lt|gt|quot);)/) { isSound = false }
  }
}
