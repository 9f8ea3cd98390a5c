// From logits to labels on the grid of the file against nnU-Net 2.8.1: resampling, argmax, box, and axes turned back (Fixtures/nnunet_inference).

import Foundation
import Preparation
import TestSupport
import Testing
import Volumes

@Suite struct GoldenExportTests {
  /// What nnU-Net knows of a case when it exports it. Spacing is that of the file, the shapes are in the plan's order.
  private struct Export: Decodable {
    var spacing, target_spacing: [Double]
    var shape_before_cropping, transpose_forward, transpose_backward: [Int]
    var bbox_used_for_cropping: [[Int]]
  }

  @Test func labelsEqualThoseOfNNUNet() throws {
    let file = golden("nnunet_inference.safetensors"), tensors = try loadSafetensors(file)
    var compared = 0
    for (key, text) in try loadSafetensorsTexts(file) where key.hasPrefix("export.") {
      let export = try JSONDecoder().decode(Export.self, from: Data(text.utf8))
      let logits = tensors["\(key).logits"]!, expected = tensors["\(key).segmentation"]!
      let whole = export.transpose_backward.map { export.shape_before_cropping[$0] }
      #expect(whole == expected.shape)
      let grid = FileGrid(
        canonical: Extent(whole[0], whole[1], whole[2]),
        spacing: Spacing(export.spacing[0], export.spacing[1], export.spacing[2])
      ).ordered(AxisOrder(start: .canonical, transpose: export.transpose_forward))
      let box = export.bbox_used_for_cropping, sides = box.map { $0[1] - $0[0] }
      let frame = CaseFrame(
        originalExtent: grid.extent, originalSpacing: grid.spacing, cropStart: box.map { $0[0] },
        cropExtent: Extent(sides[0], sides[1], sides[2]), grid: grid)
      let extent = Extent(logits.shape[1], logits.shape[2], logits.shape[3]), classes = logits.shape[0]
      let target = Spacing(export.target_spacing[0], export.target_spacing[1], export.target_spacing[2]),
        plane = extent.height * extent.width
      var resampling = scoreResampling(classes: classes, extent: extent, spacing: target, frame: frame)
      for d in 0..<extent.depth {
        let scores = (0..<plane * classes).map { logits.floats[$0 % classes * extent.count + d * plane + $0 / classes] }
        scores.withUnsafeBufferPointer { resampling.add($0) }
      }
      let labels = restoreLabels(resampling.labels, frame: frame)
      #expect(labels.labels.map { Float($0) } == expected.floats, "\(key)")
      compared += 1
    }
    #expect(compared > 0)
  }
}
