// Resampling against nnU-Net 2.8.1: images by cubic splines and labels by the class that holds most, with thick slices along each axis, before and
// after, and with two thick axes (Fixtures/nnunet_resample).

import Foundation
import Preparation
import TestSupport
import Testing
import Volumes

@Suite struct ResamplingGoldenTests {
  /// A change of grid; axes are z, y, x.
  struct Case: Decodable {
    var new_shape: [Int]
    var current_spacing, new_spacing: [Double]
  }

  @Test func imagesAndLabelsEqualThoseOfNNUNet() throws {
    let file = golden("nnunet_resample.safetensors"), tensors = try loadSafetensors(file)
    var compared = 0
    for (name, text) in try loadSafetensorsTexts(file) {
      guard let change = try? JSONDecoder().decode(Case.self, from: Data(text.utf8)) else { continue }
      let image = tensors["\(name).image"]!, label = tensors["\(name).label"]!
      let from = Extent(image.shape[1], image.shape[2], image.shape[3])
      let to = Extent(change.new_shape[0], change.new_shape[1], change.new_shape[2])
      func spacing(_ sides: [Double]) -> Spacing { Spacing(sides[0], sides[1], sides[2]) }
      let (old, new) = (spacing(change.current_spacing), spacing(change.new_spacing))
      for channel in 0..<image.shape[0] {
        let voxels = Array(image.floats[channel * from.count..<(channel + 1) * from.count])
        let found = resampleImage(voxels, from: from, spacing: old, to: to, newSpacing: new)
        let expected = tensors["\(name).image_order3"]!.floats[channel * to.count..<(channel + 1) * to.count]
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 2e-4 }, "\(name)")
      }
      // -1 marks what lies outside.
      let labels = resampleLabels(
        label.floats.map { UInt8($0 + 1) }, from: from, spacing: old, to: to, newSpacing: new, rule: .most)
      #expect(labels.map { Float($0) - 1 } == tensors["\(name).label_order1"]!.floats, "\(name)")
      compared += 1
    }
    #expect(compared > 0)
  }
}
