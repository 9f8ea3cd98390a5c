// nnU-Net's augmentation given the numbers that it drew, against batchgeneratorsv2 0.3.6 (axes of the file: channel z y x).

import Foundation
import Preparation
import TestSupport
import Testing
import Volumes

private struct Draw: Decodable {
  let angles_radians: [Double?]
  let scale: Double
  let patch: [Int]
  let dummy_2d: Bool

  var transform: SpatialTransform? {
    let angles = angles_radians.compactMap { $0 }
    if angles.isEmpty { return nil }
    return dummy_2d ? SpatialTransform(angleInPlane: angles.last!, scale: scale) : SpatialTransform(angles: angles, scale: scale)
  }
}

/// The golden file.
private struct Published {
  let tensors: [String: GoldenTensor]
  let texts: [String: String]

  init() throws {
    let file = golden("nnunet_augment.safetensors")
    (tensors, texts) = (try loadSafetensors(file), try loadSafetensorsTexts(file))
  }

  func extent(_ name: String) -> Extent {
    let shape = tensors[name]!.shape
    return Extent(shape[1], shape[2], shape[3])
  }

  /// Arrays of one kind, and the numbers in their names.
  func cases(_ kind: String) -> [(name: String, words: [String])] {
    tensors.keys.sorted().filter { $0.hasPrefix(kind + ".") }.map { name in
      (name, name.dropFirst(kind.count + 1).split(separator: "_").map(String.init))
    }
  }

  /// The image with channels last.
  var image: (values: [Float], extent: Extent, channels: Int) {
    let golden = tensors["image"]!, extent = extent("image"), channels = golden.shape[0]
    return ((0..<golden.floats.count).map { golden.floats[$0 % channels * extent.count + $0 / channels] }, extent, channels)
  }

  /// The first channel of the image after a change.
  func changed(_ change: (inout PatchChannel) -> Void) -> [Float] {
    let extent = extent("image"), values = Array(tensors["image"]!.floats.prefix(extent.count))
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: 2 * extent.count)
    defer { memory.deallocate() }
    memory.initialize(from: values, count: extent.count)
    var channel = PatchChannel(memory, spare: memory + extent.count, extent: extent)
    change(&channel)
    return (0..<extent.count).map { channel.values[$0] }
  }
}

/// The largest difference, beside 1 or beside the value where that is larger.
private func difference(_ found: [Float], _ expected: [Float]) -> Float {
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1) / max(1, abs($1.1))) }
}

@Suite struct AugmentationTests {
  @Test func turnedCropsAreNNUNets() throws {
    let published = try Published(), (image, extent, channels) = published.image, label = published.tensors["label"]!.floats
    let names = published.texts.keys.filter { $0.hasPrefix("spatial.") }.sorted()
    #expect(names.count >= 5)
    for name in names {
      let draw = try JSONDecoder().decode(Draw.self, from: Data(published.texts[name]!.utf8))
      var patch = Extent(draw.patch[0], draw.patch[1], draw.patch[2])
      if draw.dummy_2d { patch.depth = extent.depth }
      let expected = (image: published.tensors[name + ".image"]!.floats, label: published.tensors[name + ".label"]!.floats)
      // One more than the label, so that the outside is 0.
      let labels: [UInt8], planes: [Float]
      if let transform = draw.transform {
        let turned = TurnedPatch(transform, patch: patch, start: [0, 0, 0], enlarged: extent, volume: extent)
        planes = [Float](unsafeUninitializedCapacity: patch.count * channels) { target, count in
          turned.read(image, channels: channels, into: target.baseAddress!)
          count = patch.count * channels
        }
        labels = turned.read(label.map { UInt8($0 + 1) }, outside: 0)
      } else {
        let margin = AugmentedPatch(patch, enlarged: extent).margin
        let place = CropPlace(volume: extent, spacing: Spacing(1, 1, 1), crop: patch, origin: margin)
        let plane = published.tensors["image"]!.floats
        planes = (0..<channels).flatMap { place.cut(Array(plane[$0 * extent.count..<($0 + 1) * extent.count]), outside: 0) }
        labels = place.cut(label.map { UInt8($0 + 1) }, outside: 0)
      }
      #expect(difference(planes, expected.image) < 1e-4, "\(name)")
      let wrong = zip(labels, expected.label).count { Float($0) != $1 + 1 }
      #expect(labels.count == expected.label.count && wrong == 0, "\(name): \(wrong) labels")
    }
  }

  @Test func blurIsNNUNets() throws {
    let published = try Published(), cases = published.cases("blur")
    #expect(cases.count >= 2)
    for (name, words) in cases {
      // "0.58_0.83_0.93" behind the number of the channel.
      let numbers = words.compactMap { Double($0) }
      #expect(numbers.count == 3, "\(name)")
      #expect(difference(published.changed { $0.blur(numbers) }, published.tensors[name]!.floats) < 1e-4, "\(name)")
    }
  }

  /// With the depth kept, as for slices that are turned in their plane, or not: the file does not tell.
  @Test func lowResolutionIsNNUNets() throws {
    let published = try Published(), cases = published.cases("low_resolution")
    #expect(cases.count >= 2)
    for (name, words) in cases {
      let zoom = try #require(Double(words[0])), expected = published.tensors[name]!.floats
      let differences = [true, false].map { keepsDepth in
        difference(published.changed { $0.lowerResolution(zoom, keepsDepth: keepsDepth) }, expected)
      }
      #expect(differences.min()! < 1e-4, "\(name): \(differences)")
    }
  }

  @Test(arguments: ["brightness", "contrast", "gamma"]) func intensitiesAreNNUNets(kind: String) throws {
    let published = try Published(), cases = published.cases(kind)
    #expect(cases.count >= 2)
    for (name, words) in cases {
      let isInverted = words[0].hasSuffix(".inverted"), number = try #require(Double(words[0].replacing(".inverted", with: "")))
      let found = published.changed { channel in
        switch kind {
        case "brightness": channel.multiply(by: number)
        case "contrast": channel.changeContrast(by: number)
        default: channel.applyGamma(number, inverted: isInverted)
        }
      }
      let limit: Float = ["gamma", "contrast"].contains(kind) ? 1e-3 : 1e-4
      #expect(difference(found, published.tensors[name]!.floats) < limit, "\(name)")
    }
  }
}
