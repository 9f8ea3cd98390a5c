// `cohort report stitch`: the canvas of a prepared case's crop, and a predicted label that goes over the canvas back into the volume.

import Files
import Preparation
import Reports
import Volumes

/// Which crop is drawn, on which canvas.
public struct StitchRequest: Sendable {
  /// The identifier of the case.
  public var identifier: String
  public var patch: Extent
  public var canvas: Int
  public var geometry: StitchGeometry

  public init(identifier: String, patch: Extent, canvas: Int, geometry: StitchGeometry) {
    (self.identifier, self.patch, self.canvas, self.geometry) = (identifier, patch, canvas, geometry)
  }
}

/// Writes the figure of a crop around the middle of a case's foreground, or of the volume where it has no label.
/// - Parameters:
///   - packs: what `cohort prepare` wrote.
///   - predictions: label maps as `cohort predict` writes them, from which that of the case is taken; nil for the canvas alone.
///   - path: ends in .png; a picture there is replaced, any other file is not.
/// Errors: no such case, slices that do not fit on the canvas, a label map that is missing or lies on another grid than the case's image.
public func drawStitching(_ request: StitchRequest, packs: String, predictions: String?, to path: String) throws {
  try checkEnding(of: path, ".png", format: "PNG")
  try checkOutputs([path], reading: [], isOwn: isOwnPicture)
  let stitching = try Stitching(crop: request.patch, canvas: request.canvas, geometry: request.geometry)
  let reader = try PackReader(folder: packs), prepared = try reader.read(request.identifier), packed = stitching.source(prepared)
  let predicted = try predictions.flatMap { folder in
    var labelled = prepared
    labelled.label = try predictedLabels(of: prepared, in: folder)
    return stitching.source(labelled).label
  }
  let crop = CentredCrop(of: request.patch, in: packed.extent, around: packed.label ?? predicted)
  let image = packed.channel(0)
  let volume = predicted.map { predicted in
    let returned = stitching.volume(labels: stitching.canvas(labels: crop.cut(label: predicted)))
    return StitchFigure.Volume(
      extent: packed.extent, spacing: packed.spacing, image: image, pseudoLabel: crop.paste(label: returned), label: packed.label,
      cropStart: crop.start, crop: crop.extent)
  }
  let (rows, columns) = stitching.tiles
  let figure = StitchFigure(
    title: "\(request.identifier): \(request.patch), \(request.geometry.rawValue), \(rows)x\(columns) tiles",
    side: request.canvas, image: stitching.canvas(image: crop.cut(image: image), channels: 1),
    label: packed.label.map { stitching.canvas(labels: crop.cut(label: $0)) }, ignored: Stitching.ignored, volume: volume,
    classNames: reader.index.classNames)
  try writeStitchFigure(figure, to: path)
}

/// The label map of a case, on its prepared grid.
private func predictedLabels(of packed: PackedCase, in folder: String) throws -> [UInt8] {
  let maps = try LabelMaps(folder)
  try maps.require([packed.identifier], cure: "predict it, or choose another case")
  let path = maps.paths[packed.identifier]!, labels = try readLabels(path)
  _ = try gridWarnings(
    labels.grid, of: path, packed.frame.grid, of: "the prepared image", cure: "predict with the image that was prepared")
  return packed.prepared(labels: labels.labels)
}
