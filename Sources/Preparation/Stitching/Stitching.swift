// Stitching: the slices of a crop side by side on one square picture, and back (Li et al., arXiv 2403.11229, III-B, equations 1 and 3;
// ShumengLI/SFR).
// Axes: D depth, H height, W width of the crop, C channels, K classes, S side of the canvas; row-major, the last axis fastest.

import Tensors
import Volumes

/// Where each voxel of a crop lies on a square canvas. The crop's slices lie along D; rows of a tile run along H, columns along W.
public struct Stitching: Sendable, Equatable {
  public let crop: Extent
  /// S in pixels.
  public let side: Int
  public let geometry: StitchGeometry
  let layout: TileLayout

  /// The label of pixels on which no slice lies.
  public static let ignored: UInt8 = 255
  /// The most pixels of a canvas' side and voxels of a crop's.
  static let longestSide = 8192

  /// - Parameters:
  ///   - canvas: pixels of each side.
  ///   - tiles: tiles on each side in the geometry `scale`; 0 for as many as all slices need, and in the other geometries.
  /// Errors: slices that do not fit on the canvas; sides that cannot be.
  public init(crop: Extent, canvas: Int, geometry: StitchGeometry = .released, tiles: Int = 0) throws(PreparationError) {
    layout = try TileLayout(crop: crop, canvas: canvas, geometry: geometry, tiles: tiles)
    (self.crop, side, self.geometry) = (crop, canvas, geometry)
  }

  /// Tiles along the rows' and the columns' side of the canvas.
  public var tiles: (rows: Int, columns: Int) { (layout.rows.count, layout.columns.count) }

  /// A random first slice, such that no tile stays empty that a slice could fill; 0 where all slices fit.
  public func firstSlice(_ key: RandomKey) -> Int { key.integer(0, below: max(0, crop.depth - tiles.rows * tiles.columns) + 1) }

  /// The canvas [S, S, C] of an image [D, H, W, C], 0 where no slice lies.
  /// - Parameter firstSlice: where the canvas has fewer tiles than the crop slices (`scale`), the slice in the first tile; others follow it.
  public func canvas(image: [Float], channels: Int, firstSlice: Int = 0) -> [Float] {
    let shown = slices(from: firstSlice), values = cut(image, shown, channels: channels)
    return place(resampled(values, channels: channels, from: tileSource(shown), to: tiles(shown)), channels: channels, outside: 0)
  }

  /// The canvas [S, S] of labels [D, H, W], `ignored` where no slice lies.
  public func canvas(labels: [UInt8], firstSlice: Int = 0) -> [UInt8] {
    let shown = slices(from: firstSlice), values = cut(labels, shown, channels: 1)
    return place(nearest(values, from: tileSource(shown), to: tiles(shown)), channels: 1, outside: Self.ignored)
  }

  /// The inverse: values [D, H, W, K] from a canvas [S, S, K], 0 in slices that have no tile.
  public func volume(_ canvas: [Float], classes: Int, firstSlice: Int = 0) -> [Float] {
    let shown = slices(from: firstSlice), values = take(canvas, count: shown.count, channels: classes)
    let result = resampled(values, channels: classes, from: tiles(shown), to: tileSource(shown))
    return paste(result, shown, channels: classes, outside: 0)
  }

  /// The inverse for labels: [D, H, W] from a canvas [S, S], `ignored` in slices that have no tile.
  public func volume(labels: [UInt8], firstSlice: Int = 0) -> [UInt8] {
    let shown = slices(from: firstSlice), values = take(labels, count: shown.count, channels: 1)
    return paste(nearest(values, from: tiles(shown), to: tileSource(shown)), shown, channels: 1, outside: Self.ignored)
  }

  /// The slices that have a tile.
  private func slices(from first: Int) -> Range<Int> {
    guard (0..<crop.depth).contains(first) else {
      fatalError("stitch: a crop of \(crop) has no slice \(first); draw it with firstSlice")
    }
    return first..<min(crop.depth, first + tiles.rows * tiles.columns - layout.emptyTiles)
  }

  private func tileSource(_ shown: Range<Int>) -> Extent { Extent(shown.count, crop.height, crop.width) }

  /// The slices as they are on the canvas.
  private func tiles(_ shown: Range<Int>) -> Extent { Extent(shown.count, layout.height, layout.width) }
}

/// The slices of a crop that a canvas shows.
extension Stitching {
  private func cut<Value>(_ values: [Value], _ shown: Range<Int>, channels: Int) -> [Value] {
    guard channels > 0, values.count == crop.count * channels else {
      fatalError("stitch: \(values.count) values are not \(crop) with \(channels) channels; pass the whole crop")
    }
    let slice = crop.height * crop.width * channels
    return shown.count == crop.depth ? values : Array(values[shown.lowerBound * slice..<shown.upperBound * slice])
  }

  private func paste<Value>(_ values: [Value], _ shown: Range<Int>, channels: Int, outside: Value) -> [Value] {
    guard shown.count < crop.depth else { return values }
    let slice = crop.height * crop.width * channels
    var result = [Value](repeating: outside, count: crop.depth * slice)
    result.replaceSubrange(shown.lowerBound * slice..<shown.upperBound * slice, with: values)
    return result
  }
}

/// Between tiles [n, h, w, C] and the canvas [S, S, C].
extension Stitching {
  private func place<Value: BitwiseCopyable>(_ tiles: [Value], channels: Int, outside: Value) -> [Value] {
    var canvas = [Value](repeating: outside, count: side * side * channels)
    let length = layout.width * channels
    tiles.withUnsafeBufferPointer { tiles in
      canvas.withUnsafeMutableBufferPointer { canvas in
        forEachRow(tiles.count / (layout.height * length)) { row, pixel in
          (canvas.baseAddress! + pixel * channels).update(from: tiles.baseAddress! + row * length, count: length)
        }
      }
    }
    return canvas
  }

  private func take<Value: BitwiseCopyable>(_ canvas: [Value], count: Int, channels: Int) -> [Value] {
    guard channels > 0, canvas.count == side * side * channels else {
      fatalError("stitch: \(canvas.count) values are not a canvas of \(side)x\(side) with \(channels) classes; pass a whole one")
    }
    let length = layout.width * channels
    return canvas.withUnsafeBufferPointer { canvas in
      [Value](unsafeUninitializedCapacity: count * layout.height * length) { tiles, initialized in
        forEachRow(count) { row, pixel in
          (tiles.baseAddress! + row * length).update(from: canvas.baseAddress! + pixel * channels, count: length)
        }
        initialized = count * layout.height * length
      }
    }
  }

  /// Every row of the first `count` slices: its number among all rows, and the pixel of the canvas where it begins.
  private func forEachRow(_ count: Int, _ body: (_ row: Int, _ pixel: Int) -> Void) {
    for slice in 0..<count {
      let (row, column) = (slice + layout.emptyTiles).quotientAndRemainder(dividingBy: layout.columns.count)
      let top = layout.rows.origin + row * layout.rows.pitch, left = layout.columns.origin + column * layout.columns.pitch
      for line in 0..<layout.height { body(slice * layout.height + line, (top + line) * side + left) }
    }
  }
}
