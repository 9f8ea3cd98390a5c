// How the slices of a crop are laid out on a square canvas, and which crops fit (Li et al., arXiv 2403.11229, III-B; ShumengLI/SFR).

import Volumes

/// How slices are laid out.
public enum StitchGeometry: String, CaseIterable, Sendable {
  /// As many whole tiles as the canvas has room for, borders between them, slices in the middle of the sequence of tiles: the program of
  /// ShumengLI/SFR.
  case released
  /// As `released`, of volumes that have at least as many slices as the crop, thinner ones being interpolated; with crops of 96x96x96 for every data
  /// set, the strategy "uniform" of the paper's table VI.
  case uniform
  /// ceil(√D) tiles on each side without borders, from the upper left corner: the paper's section III-B.
  case paper
  /// A chosen number of tiles on each side, each resampled to its place within a border of 4 pixels: the variant of the paper's figure 9.
  case scale
}

/// Where tiles lie along one side of the canvas, in pixels.
struct TileAxis: Sendable, Equatable {
  /// Tiles along this side.
  var count: Int
  /// From one tile to the next.
  var pitch: Int
  /// The first pixel of the first tile.
  var origin: Int

  /// The pixels from the edge of a tile's place to its slice in the variant with resampled tiles.
  static let scaledBorder = 4
}

extension TileAxis {
  /// The layout of the released program for slices of `side` pixels. Margins are cut to the canvas, which only removes borders.
  init(released side: Int, canvas: Int) {
    let count = canvas / side
    var border = Int(((Double(canvas) / Double(count) - Double(side)) / 2).rounded(.toNearestOrEven))
    func margin() -> Int { (canvas - (side + 2 * border) * count) >> 1 }  // rounds down, below zero too
    // Rounding can make borders so wide that voxels would lie beyond the canvas, where the released program loses them.
    if margin() + border < 0 { border -= 1 }
    self.init(count: count, pitch: side + 2 * border, origin: margin() + border)
  }
}

/// Where the slices of a crop lie on a canvas: slice s is in tile s + `emptyTiles`, and tiles are counted row by row.
struct TileLayout: Sendable, Equatable {
  var rows: TileAxis
  var columns: TileAxis
  /// Tiles before the first slice.
  var emptyTiles: Int
  /// The pixels of a slice on the canvas.
  var height: Int
  var width: Int

  /// Errors: sides or a canvas out of range, slices that do not fit on the canvas, a number of tiles that the geometry cannot have.
  init(crop: Extent, canvas: Int, geometry: StitchGeometry, tiles: Int) throws(PreparationError) {
    try Self.requireRange(crop, canvas: canvas, geometry: geometry, tiles: tiles)
    let needed = Int(Double(crop.depth).squareRoot().rounded(.up))
    if geometry == .scale {
      self = try Self.scaled(canvas: canvas, tiles: tiles == 0 ? needed : tiles)
      return
    }
    let fits =
      geometry == .paper
      ? needed * max(crop.height, crop.width) <= canvas
      : crop.height <= canvas && crop.width <= canvas && crop.depth <= (canvas / crop.height) * (canvas / crop.width)
    guard fits else { throw Self.refusal(crop, canvas: canvas, needed: needed) }
    (height, width) = (crop.height, crop.width)
    if geometry == .paper {
      rows = TileAxis(count: needed, pitch: crop.height, origin: 0)
      columns = TileAxis(count: needed, pitch: crop.width, origin: 0)
      emptyTiles = 0
    } else {
      rows = TileAxis(released: crop.height, canvas: canvas)
      columns = TileAxis(released: crop.width, canvas: canvas)
      emptyTiles = (rows.count * columns.count - crop.depth) / 2
    }
  }

  private init(rows: TileAxis, columns: TileAxis, emptyTiles: Int, height: Int, width: Int) {
    (self.rows, self.columns, self.emptyTiles, self.height, self.width) = (rows, columns, emptyTiles, height, width)
  }

  private static func scaled(canvas: Int, tiles: Int) throws(PreparationError) -> TileLayout {
    let border = TileAxis.scaledBorder, smallest = 2 * border + 1
    guard tiles <= canvas / smallest else {
      var cures = canvas >= smallest ? ["\(canvas / smallest) tiles at most"] : []
      if tiles * smallest <= Stitching.longestSide { cures.append("a canvas of \(tiles * smallest) or more") }
      if cures.isEmpty { cures.append("fewer tiles and a larger canvas") }
      throw PreparationError(
        "\(tiles) tiles on each side of a canvas of \(canvas) pixels leave nothing within their borders of \(border): take "
          + cures.joined(separator: ", or ") + ".")
    }
    let axis = TileAxis(count: tiles, pitch: canvas / tiles, origin: border), side = axis.pitch - 2 * border
    return TileLayout(rows: axis, columns: axis, emptyTiles: 0, height: side, width: side)
  }

  private static func requireRange(
    _ crop: Extent, canvas: Int, geometry: StitchGeometry, tiles: Int
  ) throws(PreparationError) {
    guard (0..<3).allSatisfy({ (1...Stitching.longestSide).contains(crop[$0]) }) else {
      throw PreparationError("A patch of \(crop) cannot be stitched: give each side 1 to \(Stitching.longestSide) voxels.")
    }
    guard (1...Stitching.longestSide).contains(canvas) else {
      throw PreparationError("A canvas of \(canvas) pixels cannot be made: choose 1 to \(Stitching.longestSide).")
    }
    guard geometry == .scale ? (0...Stitching.longestSide).contains(tiles) : tiles == 0 else {
      throw PreparationError(
        geometry == .scale
          ? "\(tiles) tiles on each side of a canvas cannot be: choose 1 to \(Stitching.longestSide), or 0 for as many as the slices need."
          : "The geometry \(geometry.rawValue) has no choice of tiles (\(tiles) were given): leave it out, or take the geometry scale."
      )
    }
  }

  /// The sentence for slices that do not fit; `needed` is the smallest number whose square is D.
  private static func refusal(_ crop: Extent, canvas: Int, needed: Int) -> PreparationError {
    let side = canvas / needed, larger = needed * max(crop.height, crop.width)
    var cures: [String] = []
    if side > 0 { cures.append("a patch of \(Extent(crop.depth, min(crop.height, side), min(crop.width, side)))") }
    if larger <= Stitching.longestSide { cures.append("a canvas of \(larger)") }
    if cures.isEmpty { cures.append("fewer slices") }
    return PreparationError(
      "The \(crop.depth) slices of a patch of \(crop) do not fit on a canvas of \(canvas) pixels: take "
        + cures.joined(separator: " or ") + ".")
  }
}
