// The legend of a figure: a coloured square and a name for each entry, in lines.

struct Legend {
  struct Item {
    /// The colour of the square; nil for none.
    var color: Color?
    var name: String
  }
  private var entries: [(item: Item, x: Int, y: Int)] = []
  /// Pixels; 0 without entries.
  private(set) var height = 0

  private static let (square, lineHeight) = (14, 24)

  /// Lays out `items` in lines of `width` pixels.
  init(_ items: [Item], width: Int) {
    var (x, y) = (0, 0)
    for item in items {
      let needed = Self.square + 8 + TextFont.width(of: item.name, scale: 2)
      if x > 0 && x + needed > width { (x, y) = (0, y + Self.lineHeight) }
      entries.append((item, x, y))
      x += needed + 24
    }
    if !entries.isEmpty { height = y + Self.lineHeight }
  }

  func draw(on canvas: inout Canvas, x: Int, y: Int, _ ink: Color) {
    for (item, left, top) in entries {
      if let color = item.color { canvas.fill(x: x + left, y: y + top, width: Self.square, height: Self.square, color) }
      canvas.draw(item.name, x: x + left + Self.square + 8, y: y + top, scale: 2, ink)
    }
  }

  /// The entries of the classes that occur, the first 24 of many.
  /// - Parameter classNames: index = label value.
  static func classes(_ labels: [SliceImage<UInt8>], classNames: [String]) -> [Item] {
    let seen = labels.reduce(into: Set<UInt8>()) { $0.formUnion($1.values) }.subtracting([0]).sorted().map(Int.init)
    let items = seen.prefix(24).map { label in
      Item(color: classColor(label), name: label < classNames.count ? classNames[label] : "class \(label)")
    }
    return items + (seen.count > items.count ? [Item(name: "and \(seen.count - items.count) more")] : [])
  }
}
