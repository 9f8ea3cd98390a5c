// A figure: panels in rows and columns with titles, colour bars and lines of text below them, and a legend.

struct Figure {
  /// Colours of what surrounds the panels.
  struct Style {
    let background, ink: Color
    /// The colour of the frame around each panel; nil for none.
    let frame: Color?

    /// The style for screens.
    static let dark = Style(background: Color(22, 24, 28), ink: Color(225, 228, 232), frame: nil)
    /// The style for papers.
    static let light = Style(background: Color(255, 255, 255), ink: Color(0, 0, 0), frame: Color(0, 0, 0))
  }

  var style: Style
  /// Empty for none.
  var columnTitles: [String]
  /// The titles of the rows, which read upwards.
  var rowTitles: [String]
  /// The panels by row and column; nil where a place stays empty.
  var panels: [[Panel?]]
  /// Lines below each panel, by row and column; empty for none.
  var captions: [[[String]]] = []
  var legend: [Legend.Item] = []

  private static let (gap, titleHeight, rowTitleWidth, lineHeight) = (10, 34, 26, 20)

  func canvas() -> Canvas {
    let columns = panels[0].indices.map { column in panels.map { $0[column]?.width ?? 0 }.max()! }
    let rows = panels.map { row in row.map { $0?.height ?? 0 }.max()! }
    let heightsBelow = rows.indices.map { row in
      barHeight(row) + (row < captions.count ? (captions[row].map(\.count).max() ?? 0) * Self.lineHeight : 0)
    }
    let width = Self.rowTitleWidth + columns.reduce(0) { $0 + $1 + Self.gap } + Self.gap
    let laidOut = Legend(legend, width: width - Self.rowTitleWidth - 2 * Self.gap)
    let top = columnTitles.isEmpty ? Self.gap : Self.titleHeight
    let height =
      top + zip(rows, heightsBelow).reduce(0) { $0 + $1.0 + $1.1 + Self.gap }
      + (laidOut.height > 0 ? laidOut.height + Self.gap : 0)
    var canvas = Canvas(width: width, height: height, background: style.background)
    var left = Self.rowTitleWidth + Self.gap
    for (column, title) in columnTitles.enumerated() {
      draw(title, on: &canvas, x: left, y: 10, width: columns[column])
      left += columns[column] + Self.gap
    }
    var y = top
    for row in rows.indices {
      canvas.drawUpwards(rowTitles[row], x: 10, y: y, length: rows[row], scale: 2, style.ink)
      draw(row: row, columns: columns, height: rows[row], on: &canvas, y: y)
      y += rows[row] + heightsBelow[row] + Self.gap
    }
    laidOut.draw(on: &canvas, x: Self.rowTitleWidth + Self.gap, y: y, style.ink)
    return canvas
  }

  /// Pixels for colour bars below the panels of a row.
  private func barHeight(_ row: Int) -> Int { panels[row].contains { $0?.colorBar != nil } ? ColorBar.height : 0 }

  private func draw(row: Int, columns: [Int], height: Int, on canvas: inout Canvas, y: Int) {
    var x = Self.rowTitleWidth + Self.gap
    for (column, panel) in panels[row].enumerated() {
      defer { x += columns[column] + Self.gap }
      guard let panel else { continue }
      let left = x + (columns[column] - panel.width) / 2
      panel.draw(on: &canvas, x: left, y: y)
      if let frame = style.frame {
        canvas.frame(x: left, y: y, width: panel.width, height: panel.height, thickness: 1, frame)
      }
      panel.colorBar?.draw(on: &canvas, x: left, y: y + panel.height, width: panel.width, style.ink)
      guard row < captions.count else { continue }
      for (line, text) in captions[row][column].enumerated() {
        draw(text, on: &canvas, x: x, y: y + height + barHeight(row) + 6 + line * Self.lineHeight, width: columns[column])
      }
    }
  }

  /// In the middle of `width` pixels; smaller if it would not fit.
  private func draw(_ text: String, on canvas: inout Canvas, x: Int, y: Int, width: Int) {
    let scale = TextFont.width(of: text, scale: 2) <= width ? 2 : 1
    canvas.draw(text, x: x + (width - TextFont.width(of: text, scale: scale)) / 2, y: y, scale: scale, style.ink)
  }
}
