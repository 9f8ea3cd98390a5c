// A small raster to draw pictures on: 8-bit red, green, blue; row 0 at the top.

/// A colour, 0...255 each.
struct Color: Hashable {
  var red, green, blue: UInt8

  init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) { (self.red, self.green, self.blue) = (red, green, blue) }

  /// Values are cut to 0...1.
  init(red: Float, green: Float, blue: Float) {
    func byte(_ value: Float) -> UInt8 { UInt8(max(0, min(255, value * 255))) }
    self.init(byte(red), byte(green), byte(blue))
  }

  /// A colour of CSS, #rrggbb.
  init(code: String) {
    let value = UInt32(code.dropFirst(), radix: 16) ?? 0
    self.init(UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255))
  }

  init(gray: Float) { self.init(red: gray, green: gray, blue: gray) }

  /// This colour under `other`, of which a part 0...1 is seen.
  func mixed(with other: Color, part: Float) -> Color {
    func mix(_ a: UInt8, _ b: UInt8) -> UInt8 { UInt8(Float(a) + (Float(b) - Float(a)) * part) }
    return Color(mix(red, other.red), mix(green, other.green), mix(blue, other.blue))
  }
}

struct Canvas {
  let width, height: Int
  /// Three bytes for each pixel, row-major.
  private(set) var bytes: [UInt8]

  init(width: Int, height: Int, background: Color) {
    (self.width, self.height) = (width, height)
    bytes = [UInt8](repeating: 0, count: 3 * width * height)
    fill(x: 0, y: 0, width: width, height: height, background)
  }

  subscript(x: Int, y: Int) -> Color {
    get {
      let at = 3 * (y * width + x)
      return Color(bytes[at], bytes[at + 1], bytes[at + 2])
    }
    set {
      let at = 3 * (y * width + x)
      (bytes[at], bytes[at + 1], bytes[at + 2]) = (newValue.red, newValue.green, newValue.blue)
    }
  }

  mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: Color) {
    for row in y..<y + height { for column in x..<x + width { self[column, row] = color } }
  }

  /// The edge of a rectangle, inside it.
  mutating func frame(x: Int, y: Int, width: Int, height: Int, thickness: Int, _ color: Color) {
    for top in [y, y + height - thickness] { fill(x: x, y: top, width: width, height: thickness, color) }
    for left in [x, x + width - thickness] { fill(x: left, y: y, width: thickness, height: height, color) }
  }

  /// A straight line two pixels thick; what lies outside is cut off.
  mutating func line(from start: (x: Double, y: Double), to end: (x: Double, y: Double), _ color: Color) {
    let steps = max(1, Int(max(abs(end.x - start.x), abs(end.y - start.y)).rounded(.up)))
    for step in 0...steps {
      let part = Double(step) / Double(steps)
      let x = Int(start.x + (end.x - start.x) * part), y = Int(start.y + (end.y - start.y) * part)
      for (x, y) in [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)] where x >= 0 && y >= 0 && x < width && y < height {
        self[x, y] = color
      }
    }
  }

  /// Copies a picture that fits, with its upper left corner at (x, y).
  mutating func draw(_ other: Canvas, x: Int, y: Int) {
    for row in 0..<other.height { for column in 0..<other.width { self[x + column, y + row] = other[column, row] } }
  }

  /// Draws text with its upper left corner at (x, y); what does not fit is cut off.
  mutating func draw(_ text: String, x: Int, y: Int, scale: Int, _ color: Color) {
    var pen = x
    for glyph in TextFont.glyphs(of: text, scale: scale) {
      let (left, top) = (pen + glyph.left, y + TextFont.ascent(scale: scale) - glyph.top)
      for row in 0..<glyph.height where (0..<height).contains(top + row) {
        for column in 0..<glyph.width where (0..<width).contains(left + column) {
          let part = Float(glyph.coverage[row * glyph.width + column]) / 255
          self[left + column, top + row] = self[left + column, top + row].mixed(with: color, part: part)
        }
      }
      pen += glyph.advance
    }
  }
}

extension Canvas {
  /// Draws text that reads upwards, in the middle of `length` pixels below `y`.
  mutating func drawUpwards(_ text: String, x: Int, y: Int, length: Int, scale: Int, _ color: Color) {
    var upright = Canvas(
      width: TextFont.width(of: text, scale: scale) + scale, height: TextFont.height(scale: scale) + 2 * scale,
      background: Color(0, 0, 0))
    upright.draw(text, x: 0, y: 0, scale: scale, Color(255, 255, 255))
    let bottom = y + (length + upright.width) / 2
    for row in 0..<upright.height {
      for column in 0..<upright.width where upright[column, row].red > 0 {
        let target = bottom - column
        if target >= 0, target < height {
          self[x + row, target] = self[x + row, target].mixed(with: color, part: Float(upright[column, row].red) / 255)
        }
      }
    }
  }
}
