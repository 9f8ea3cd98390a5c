// The legend of an overlay: a coloured square and a name for each class that is seen, in lines; the first 24 of many.

struct Legend {
  private struct Entry {
    /// Nil without a square.
    var color: Color?
    var name: String
    var x, y: Int
  }

  private var entries: [Entry] = []
  /// Pixels; 0 without classes.
  private(set) var height = 0

  private static let (square, lineHeight) = (14, 24)

  /// Lays out `classes` in lines of `width` pixels.
  init(_ classes: [Int], classNames: [String], width: Int) {
    let shown = classes.prefix(24)
    var items = shown.map { label in
      (color: Optional(classColor(label)), name: label < classNames.count ? classNames[label] : "class \(label)")
    }
    if classes.count > shown.count { items.append((color: nil, name: "and \(classes.count - shown.count) more")) }
    var (x, y) = (0, 0)
    for item in items {
      let needed = Self.square + 8 + BitmapFont.width(of: item.name, scale: 2)
      if x > 0 && x + needed > width { (x, y) = (0, y + Self.lineHeight) }
      entries.append(Entry(color: item.color, name: item.name, x: x, y: y))
      x += needed + 24
    }
    if !entries.isEmpty { height = y + Self.lineHeight }
  }

  func draw(on canvas: inout Canvas, x: Int, y: Int, _ ink: Color) {
    for entry in entries {
      if let color = entry.color {
        canvas.fill(x: x + entry.x, y: y + entry.y, width: Self.square, height: Self.square, color)
      }
      canvas.draw(entry.name, x: x + entry.x + Self.square + 8, y: y + entry.y, scale: 2, ink)
    }
  }
}
