// What a panel can show of a slice: intensities, fields, activation, classes. A layer determines what the colour of a pixel
// becomes.

/// One picture laid over those below it.
enum PanelLayer {
  /// The new colour of a pixel from the one below, its row and its column.
  typealias Painter = (Color, Int, Int) -> Color

  /// One colour everywhere.
  case blank(SliceImage<UInt8>, Color)
  /// Intensities from black to white.
  case gray(SliceImage<Float>, window: ClosedRange<Float>)
  /// Values in the colours of a map.
  case colors(SliceImage<Float>, ColorMap, range: ClosedRange<Float>)
  /// Activation 0...1 in the colours of jet: the value is the opacity too, up to 0.6, so that what is cold stays grey.
  case activation(SliceImage<Float>)
  /// Translucent areas with solid outlines in the colours of the classes.
  case classes(SliceImage<UInt8>)
  /// All that is not background in one colour, of which a part 0...1 is seen.
  case mask(SliceImage<UInt8>, Color, part: Float)
  /// Outlines of areas alone.
  case outlines(SliceImage<UInt8>, Color)

  /// Rows and columns of the slice.
  var voxels: (rows: Int, columns: Int) {
    switch self {
    case .gray(let image, _), .colors(let image, _, _), .activation(let image): (image.rows, image.columns)
    case .blank(let labels, _), .classes(let labels), .mask(let labels, _, _), .outlines(let labels, _):
      (labels.rows, labels.columns)
    }
  }

  /// What the colours of values mean; nil for a layer that shows none in colours.
  var colorBar: ColorBar? {
    switch self {
    case .colors(_, let map, let range): ColorBar(map: map, range: range)
    case .activation: ColorBar(map: .jet, range: 0...1)
    case .blank, .gray, .classes, .mask, .outlines: nil
    }
  }

  /// Makes the painter of a panel of that many pixels.
  func painter(width: Int, height: Int) -> Painter {
    let pixels = PanelPixels(width: width, height: height)
    switch self {
    case .blank(_, let color): return { _, _, _ in color }
    case .gray(let image, let window):
      return { _, row, column in Color(gray: share(pixels.value(image, row, column), of: window)) }
    case .colors(let image, let map, let range):
      return { _, row, column in map.color(share(pixels.value(image, row, column), of: range)) }
    case .activation(let image):
      return { below, row, column in
        let value = max(0, min(1, pixels.value(image, row, column)))
        return below.mixed(with: ColorMap.jet.color(value), part: min(0.6, value))
      }
    case .classes(let labels):
      let classes = PixelClasses(labels, pixels)
      return { below, row, column in
        let label = classes[row, column]
        guard label != 0 else { return below }
        return below.mixed(with: classColor(Int(label)), part: classes.isOutline(row, column) ? 1 : 0.25)
      }
    case .mask(let labels, let color, let part):
      let classes = PixelClasses(labels, pixels)
      return { below, row, column in classes[row, column] == 0 ? below : below.mixed(with: color, part: part) }
    case .outlines(let labels, let color):
      let classes = PixelClasses(labels, pixels)
      return { below, row, column in classes[row, column] != 0 && classes.isOutline(row, column) ? color : below }
    }
  }

  /// The position of a value in a range: 0 at its lower, 1 at its upper end.
  private func share(_ value: Float, of range: ClosedRange<Float>) -> Float {
    (value - range.lowerBound) / (range.upperBound - range.lowerBound)
  }
}

/// The pixels of a panel, and where they lie in a slice.
struct PanelPixels {
  var width, height: Int

  /// Linear between voxels.
  func value(_ image: SliceImage<Float>, _ row: Int, _ column: Int) -> Float {
    let place = voxel(image, row, column), (v, w) = image.neighbours(row: place.row, column: place.column)
    return v.0 * w[0] + v.1 * w[1] + v.2 * w[2] + v.3 * w[3]
  }

  /// The position in voxels of a pixel's centre.
  func voxel<Value>(_ image: SliceImage<Value>, _ row: Int, _ column: Int) -> (row: Float, column: Float) {
    (
      (Float(row) + 0.5) * Float(image.rows) / Float(height) - 0.5,
      (Float(column) + 0.5) * Float(image.columns) / Float(width) - 0.5
    )
  }
}

/// The class of every pixel: the one with the greatest weight among the four voxels around, which rounds the steps of enlarged
/// voxels.
private struct PixelClasses {
  private let width, height: Int
  private var classes: [UInt8]

  init(_ labels: SliceImage<UInt8>, _ pixels: PanelPixels) {
    (width, height) = (pixels.width, pixels.height)
    classes = [UInt8](repeating: 0, count: width * height)
    for row in 0..<height {
      for column in 0..<width {
        let place = pixels.voxel(labels, row, column)
        let (v, w) = labels.neighbours(row: place.row, column: place.column)
        var best: (label: UInt8, weight: Float) = (0, -1)
        func consider(_ label: UInt8) {
          let weight =
            (v.0 == label ? w[0] : 0) + (v.1 == label ? w[1] : 0) + (v.2 == label ? w[2] : 0) + (v.3 == label ? w[3] : 0)
          if weight > best.weight { best = (label, weight) }
        }
        consider(v.0)
        if v.1 != v.0 || v.2 != v.0 || v.3 != v.0 {
          consider(v.1)
          consider(v.2)
          consider(v.3)
        }
        classes[row * width + column] = best.label
      }
    }
  }

  subscript(row: Int, column: Int) -> UInt8 { classes[row * width + column] }

  /// Whether a pixel lies within two pixels of the edge of its class.
  func isOutline(_ row: Int, _ column: Int) -> Bool {
    let label = self[row, column]
    for step in 1...2 {
      if row >= step, self[row - step, column] != label { return true }
      if row + step < height, self[row + step, column] != label { return true }
      if column >= step, self[row, column - step] != label { return true }
      if column + step < width, self[row, column + step] != label { return true }
    }
    return false
  }
}
