// A curve in a terminal: columns of block characters.

import Foundation
import Reports

/// Points drawn in a fixed number of columns and rows.
struct TextCurve {
  let title: String
  let points: [ChartPoint]

  static let columns = 68, rows = 5
  private static let blocks = Array(" ▁▂▃▄▅▆▇█")

  /// The title with the newest value, the curve with its range at the left, and the steps below; nothing without points.
  func lines(lastStep: Double) -> [String] {
    guard let newest = points.last else { return [] }
    let columns = means(lastStep: max(lastStep, 1)), values = columns.compactMap { $0 }
    let low = values.min() ?? 0, high = values.max() ?? 1
    // The lowest value is an eighth of a row, so that it is seen.
    let heights = columns.map { value in
      value.map { 1 + ((high > low ? ($0 - low) / (high - low) : 0) * Double(8 * Self.rows - 1)).rounded() } ?? 0
    }
    let rows = (0..<Self.rows).map { row in
      let label = row == 0 ? number(high) : row == Self.rows - 1 ? number(low) : ""
      let below = Double(8 * (Self.rows - 1 - row))
      return padded(label, 10) + " " + String(heights.map { Self.blocks[Int(max(0, min(8, $0 - below)))] })
    }
    return ["\(title) \(number(newest.y))"] + rows
  }

  /// The mean of the points of each column; a column without points repeats the one before it, up to the newest point.
  private func means(lastStep: Double) -> [Double?] {
    func column(_ point: ChartPoint) -> Int { max(0, min(Self.columns - 1, Int(point.x / lastStep * Double(Self.columns)))) }
    let groups = Dictionary(grouping: points, by: column), newest = groups.keys.max() ?? 0
    var earlier: Double?
    return (0..<Self.columns).map { column in
      guard column <= newest else { return nil }
      if let group = groups[column] { earlier = group.reduce(0) { $0 + $1.y } / Double(group.count) }
      return earlier
    }
  }

  private func number(_ value: Double) -> String { String(format: abs(value) < 1000 ? "%.4f" : "%.3g", value) }
  private func padded(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
}
