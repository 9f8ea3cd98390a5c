// From a raw file to a prepared case and back to labels on the grid of the file.

import Preparation
import Testing
import Volumes

@Suite struct PredictionTests {
  /// A grid whose first file axis runs from right to left.
  static let mirrored: FileGrid = {
    var affine = Scratch.grid.affine
    (affine[0], affine[3]) = (-Scratch.spacing.width, 40)
    return FileGrid(dimensions: Scratch.grid.dimensions, affine: affine)
  }()

  /// Scores that threshold the prepared image.
  static func scores(_ prepared: PackedCase) -> [Float] { prepared.image.flatMap { value -> [Float] in [0, value - 2] } }

  @Test(arguments: [Scratch.spacing, Spacing(1, 0.8, 0.9)])
  func labelsReturnToTheGridOfTheFile(spacing: Spacing) throws {
    let scratch = Scratch()
    let ball = Scratch.ball()
    try scratch.write(image: ball.image, grid: Self.mirrored, to: "scan_0000.nii.gz")
    let prepared = try prepareForPrediction(
      "scan", images: ["\(scratch.path)/scan_0000.nii.gz"], settings: PreparationSettings(spacing: spacing), channels: 1)
    #expect(prepared.identifier == "scan" && prepared.label == nil)
    var resampling = scoreResampling(classes: 2, extent: prepared.extent, spacing: prepared.spacing, frame: prepared.frame)
    resampling.add(whole: Self.scores(prepared), prepared.extent)
    let labels = restoreLabels(resampling.labels, frame: prepared.frame)
    try writeLabels(labels, to: "\(scratch.path)/prediction.nii.gz")
    let read = try readLabels("\(scratch.path)/prediction.nii.gz")
    #expect(sameGrid(read.grid, try readGrid("\(scratch.path)/scan_0000.nii.gz")) == nil)
    let (found, truth) = (
      Set(read.labels.indices.filter { read.labels[$0] == 1 }), Set(ball.label.indices.filter { ball.label[$0] == 1 })
    )
    let dice = 2 * Double(found.intersection(truth).count) / Double(found.count + truth.count)
    #expect(spacing == Scratch.spacing ? found == truth : dice > 0.85)
  }

  /// Softmax of classes adds up to 1 and is largest where the label is; regions have sigmoids of their own. Outside of the crop is background.
  @Test(arguments: [nil, [1, 2] as [UInt8]?]) func probabilitiesBelongToTheLabels(regions: [UInt8]?) throws {
    let scratch = Scratch(), ball = Scratch.ball()
    try scratch.write(image: ball.image, grid: Self.mirrored, to: "scan_0000.nii.gz")
    let prepared = try prepareForPrediction(
      "scan", images: ["\(scratch.path)/scan_0000.nii.gz"], settings: PreparationSettings(spacing: Spacing(1, 0.8, 0.9)),
      channels: 1)
    var resampling = scoreResampling(
      classes: 2, extent: prepared.extent, spacing: prepared.spacing, frame: prepared.frame, regionLabels: regions,
      keepsProbabilities: true)
    resampling.add(whole: Self.scores(prepared), prepared.extent)
    let labels = restoreLabels(resampling.labels, frame: prepared.frame)
    let maps = ProbabilityMaps(cropped: resampling.probabilities, frame: prepared.frame, hasBackground: regions == nil)
    let (first, second) = (maps[0], maps[1])
    #expect(maps.count == 2 && first.extent == labels.extent && first.grid == labels.grid)
    let isRight = labels.labels.indices.allSatisfy { voxel in
      let (a, b, label) = (first.voxels[voxel], second.voxels[voxel], labels.labels[voxel])
      return regions == nil ? abs(a + b - 1) < 1e-5 && (b > a) == (label == 1) : (b > 0.5) == (label == 2) && a <= 0.5
    }
    #expect(isRight && labels.labels.contains { $0 > 0 })
  }

  @Test func theNonzeroRuleLeavesZerosAtZero() throws {
    let scratch = Scratch()
    var image = Scratch.ball().image
    for voxel in stride(from: 0, to: image.count, by: 5) { image[voxel] = 0 }
    try scratch.write(image: image, to: "scan.nii")
    let settings = PreparationSettings(spacing: Scratch.spacing, normalization: .nonzeroMask)
    let prepared = try prepareForPrediction("scan", images: ["\(scratch.path)/scan.nii"], settings: settings, channels: 1)
    let inside = prepared.image.filter { $0 != 0 }
    #expect(inside.count < prepared.image.count && inside.count > prepared.image.count / 2)
    #expect(abs(inside.reduce(0) { $0 + Double($1) } / Double(inside.count)) < 1e-5)
  }

  /// The extent is asked about before the image is made, after the crop to what is not zero.
  @Test func anImageThatIsTooLargeIsRefusedBeforeItIsMade() throws {
    let scratch = Scratch()
    try scratch.write(image: Scratch.ball().image, to: "scan.nii")
    var asked: [Extent] = []
    let error = #expect(throws: PreparationError.self) {
      try prepareForPrediction(
        "scan", images: ["\(scratch.path)/scan.nii"], settings: PreparationSettings(spacing: Spacing(1, 0.5, 1)), channels: 1
      ) { extent throws(PreparationError) in
        asked.append(extent)
        throw PreparationError("too large")
      }
    }
    #expect(error?.description == "too large" && asked == [Extent(16, 30, 12)])
  }

  @Test func channelsMustAgreeInNumberAndGrid() throws {
    let scratch = Scratch()
    let ball = Scratch.ball()
    try scratch.write(image: ball.image, to: "scan_0000.nii")
    try scratch.write(image: ball.image.map { 3 * $0 }, to: "scan_0001.nii")
    let images = (0..<2).map { "\(scratch.path)/scan_000\($0).nii" }
    let settings = PreparationSettings(spacing: Scratch.spacing)
    let prepared = try prepareForPrediction("scan", images: images, settings: settings, channels: 2)
    #expect(prepared.channels == 2 && prepared.image.count == 2 * prepared.extent.count)
    for voxel in stride(from: 0, to: prepared.image.count, by: 2) {
      #expect(abs(prepared.image[voxel] - prepared.image[voxel + 1]) < 1e-5)
    }
    #expect(throws: PreparationError.self) {
      try prepareForPrediction("scan", images: [images[0]], settings: settings, channels: 2)
    }
    try scratch.write(image: ball.image, grid: Self.mirrored, to: "scan_0001.nii")
    #expect(throws: PreparationError.self) { try prepareForPrediction("scan", images: images, settings: settings, channels: 2) }
  }
}
