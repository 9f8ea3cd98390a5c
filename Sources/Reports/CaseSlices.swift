// Axial slices of a segmented case, kept small until it is known which cases are shown, then drawn side by side: image, reference, prediction.

import Foundation
import Volumes

/// Slices through what is labelled, at most 16 and at most 192 voxels long and wide.
public struct CaseSlices: Sendable {
  private let slices: Int
  private let extent: Extent
  private let spacing: Spacing
  /// [slices, H, W]; intensities from 0 to 255.
  private let image, reference, prediction: [UInt8]

  private static let most = (slices: 16, side: 192)
  /// The longer side of a panel in pixels, and how many times the voxels at most.
  private static let longest = 144, enlargement = 2

  /// Keeps slices that lie evenly between the first and the last with a label in either map; of all slices where there are none.
  /// - Parameters:
  ///   - image: intensities [D, H, W], shown from their 1st to their 99th percentile.
  ///   - reference, prediction: label values [D, H, W].
  public init(image: [Float], reference: [UInt8], prediction: [UInt8], extent: Extent, spacing: Spacing) {
    let plane = extent.height * extent.width
    let labelled = (0..<extent.depth).filter { slice in
      (slice * plane..<(slice + 1) * plane).contains { reference[$0] != 0 || prediction[$0] != 0 }
    }
    let range = (labelled.first ?? 0)...(labelled.last ?? extent.depth - 1), count = min(Self.most.slices, range.count)
    let depths = (0..<count).map { range.lowerBound + ($0 * (range.count - 1) + (count - 1) / 2) / max(1, count - 1) }
    let step = (max(extent.height, extent.width) + Self.most.side - 1) / Self.most.side
    let rows = Array(stride(from: 0, to: extent.height, by: step)), columns = Array(stride(from: 0, to: extent.width, by: step))
    func kept<Value>(_ values: [Value], _ byte: (Value) -> UInt8) -> [UInt8] {
      depths.flatMap { d in rows.flatMap { h in columns.map { w in byte(values[extent.index(d, h, w)]) } } }
    }
    let window = robustWindow(image), scale = 255 / (window.upperBound - window.lowerBound)
    slices = count
    self.extent = Extent(count, rows.count, columns.count)
    self.spacing = Spacing(spacing.depth, spacing.height * Double(step), spacing.width * Double(step))
    self.image = kept(image) { UInt8(max(0, min(255, ($0 - window.lowerBound) * scale))) }
    self.reference = kept(reference) { $0 }
    self.prediction = kept(prediction) { $0 }
  }

  /// All slices, one below the other from the lowest to the highest, as a PNG file.
  public func strip() throws(ReportError) -> PictureFile { try picture(of: Array(0..<slices)) }

  /// The slice with the most labelled voxels, as a PNG file.
  public func overview() throws(ReportError) -> PictureFile {
    try picture(of: [SlicePlane.axial.fullestSlice(zip(reference, prediction).map { $0 | $1 }, extent: extent)])
  }

  private func picture(of chosen: [Int]) throws(ReportError) -> PictureFile {
    let rows = chosen.map(panels), first = rows[0][0]
    var canvas = Canvas(
      width: first.width * rows[0].count, height: first.height * rows.count, background: Figure.Style.dark.background)
    for (number, row) in rows.enumerated() {
      for (column, panel) in row.enumerated() { panel.draw(on: &canvas, x: column * first.width, y: number * first.height) }
    }
    return PictureFile(bytes: try canvas.png(), width: canvas.width, height: canvas.height)
  }

  private func panels(_ index: Int) -> [Panel] {
    func slice(_ values: [UInt8]) -> SliceImage<UInt8> { SlicePlane.axial.slice(values, extent: extent, index: index) }
    let voxels = slice(image)
    let gray = PanelLayer.gray(
      SliceImage(rows: voxels.rows, columns: voxels.columns, values: voxels.values.map(Float.init)), window: 0...255)
    let longest = min(Self.longest, Self.enlargement * max(extent.height, extent.width))
    return [[gray], [gray, .classes(slice(reference))], [gray, .classes(slice(prediction))]].map {
      Panel(axial: $0, extent: extent, spacing: spacing, longest: longest, showsLetters: false)
    }
  }
}

/// A PNG file in memory.
public struct PictureFile: Sendable {
  public let bytes: [UInt8]
  /// Pixels.
  public let width, height: Int
}
