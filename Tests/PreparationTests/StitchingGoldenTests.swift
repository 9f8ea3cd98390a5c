// Stitching against ShumengLI/SFR: canvases and their inverse by hash, pieces of them, the canvas of fine-tuning (Fixtures/sfr_stitch).

import Foundation
import Preparation
import TestSupport
import Testing
import Volumes

@Suite struct StitchingGoldenTests {
  /// A geometry of the golden file; volumes there are [x, y, z].
  struct Case: Decodable {
    var shape: [Int]
    var classes, salt, rows, columns, ignored_pixels: Int
    var image_sha256, label_sha256, inverse_label_sha256: String
    var inverse_label_counts: [Int]
    var image_sum: Double

    var crop: Extent { Extent(shape[2], shape[1], shape[0]) }

    /// The number that belongs to voxel (d, h, w): its index in the order x, y, z.
    func number(_ voxel: Int) -> Int {
      let (w, h, d) = (voxel % crop.width, voxel / crop.width % crop.height, voxel / (crop.width * crop.height))
      return (w * shape[1] + h) * shape[2] + d
    }

    func hash(_ number: Int, _ factor: UInt32) -> UInt32 { UInt32(truncatingIfNeeded: number + salt) &* factor }
    var image: [Float] {
      (0..<crop.count).map { voxel -> Float in
        let bits = hash(number(voxel), 2_654_435_761) >> 8
        return Float(bits) / 8_388_608 - 1
      }
    }
    var label: [UInt8] {
      (0..<crop.count).map { voxel -> UInt8 in
        let bits = hash(number(voxel), 2_246_822_519) >> 16
        return UInt8(Int(bits) % classes)
      }
    }

    /// Probabilities [S, S, K] of the made-up logits.
    func probabilities(pixels: Int) -> [Float] {
      (0..<pixels).flatMap { pixel -> [Float] in
        let raised = (0..<classes).map { c -> Double in
          let bits = hash(pixel + 977 * c, 2_654_435_761) >> 22
          return exp(Double(bits) / 64 + Double(c) / 256)
        }
        let sum = raised.reduce(0, +)
        return raised.map { Float($0 / sum) }
      }
    }
  }

  static let path = golden("sfr_stitch.safetensors")

  private func cases() throws -> (canvas: Int, cases: [String: Case]) {
    let texts = try loadSafetensorsTexts(Self.path)
    return (
      try #require(texts["canvas"].flatMap { Int($0) }),
      try JSONDecoder().decode([String: Case].self, from: Data(try #require(texts["cases"]).utf8))
    )
  }

  @Test func canvasesHaveTheHashesOfTheOriginal() throws {
    let (side, cases) = try cases(), tensors = try loadSafetensors(Self.path)
    #expect(cases.count == 3)
    for (name, golden) in cases {
      let stitching = try Stitching(crop: golden.crop, canvas: side)
      let image = stitching.canvas(image: golden.image, channels: 1), label = stitching.canvas(labels: golden.label)
      #expect(stitching.tiles == (golden.rows, golden.columns))
      #expect(
        sha256(image.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }) == golden.image_sha256, "\(name)")
      #expect(sha256(label) == golden.label_sha256, "\(name)")
      #expect(label.filter { $0 == Stitching.ignored }.count == golden.ignored_pixels)
      #expect(abs(image.reduce(0.0) { $0 + Double($1) } - golden.image_sum) < 1e-6)
      for (window, corner) in [(0, 0), (500, 480), (976, 976)].enumerated() {
        let picture = try #require(tensors["\(name).window\(window).image"]), classes = tensors["\(name).window\(window).label"]!
        for index in picture.floats.indices {
          let (row, column) = index.quotientAndRemainder(dividingBy: picture.shape[1])
          let pixel = (corner.0 + row) * side + corner.1 + column
          guard image[pixel] == picture.floats[index], Float(label[pixel]) == classes.floats[index] else {
            Issue.record("\(name), window \(window), (\(row), \(column))")
            break
          }
        }
      }
    }
  }

  @Test func theInverseHasTheHashesOfTheOriginal() throws {
    let (side, cases) = try cases(), tensors = try loadSafetensors(Self.path)
    for (name, golden) in cases {
      let stitching = try Stitching(crop: golden.crop, canvas: side), classes = golden.classes, crop = golden.crop
      let volume = stitching.volume(golden.probabilities(pixels: side * side), classes: classes)
      let label = (0..<crop.count).map { voxel -> UInt8 in
        let scores = volume[voxel * classes..<(voxel + 1) * classes]
        return UInt8(scores.firstIndex(of: scores.max()!)! - scores.startIndex)
      }
      var published = [UInt8](repeating: 0, count: label.count)
      for voxel in label.indices { published[golden.number(voxel)] = label[voxel] }
      #expect(sha256(published) == golden.inverse_label_sha256, "\(name)")
      #expect((0..<classes).map { c in label.filter { $0 == c }.count } == golden.inverse_label_counts)
      let probes = try #require(tensors["\(name).probe_xyz"]).floats.map { Int($0) }
      let expected = tensors["\(name).inverse_probability"]!.floats, labels = tensors["\(name).inverse_label"]!.floats
      #expect(!labels.isEmpty)
      for probe in labels.indices {
        let voxel = crop.index(probes[3 * probe + 2], probes[3 * probe + 1], probes[3 * probe])
        #expect(Float(label[voxel]) == labels[probe])
        for c in 0..<classes { #expect(abs(volume[voxel * classes + c] - expected[probe * classes + c]) < 2e-6) }
      }
    }
  }

  /// Two cubes of 14 on a canvas of 64, from the golden file of the losses.
  @Test func theCanvasOfFineTuningIsTheOriginals() throws {
    let path = golden("sfr_steps.safetensors")
    let tensors = try loadSafetensors(path), volumes = try #require(tensors["finetune.volume"]),
      labels = tensors["finetune.labels"]!
    let side = try #require(try loadSafetensorsTexts(path)["finetune.canvas"].flatMap { Int($0) })
    let shape = Array(volumes.shape.suffix(3)), count = shape.reduce(1, *)
    let crop = Extent(shape[2], shape[1], shape[0]), stitching = try Stitching(crop: crop, canvas: side)
    /// Volume `sample` of several [x, y, z], as [z, y, x].
    func turned(_ values: [Float], _ sample: Int) -> [Float] {
      (0..<count).map { voxel in
        let (x, y, z) = (voxel % shape[0], voxel / shape[0] % shape[1], voxel / (shape[0] * shape[1]))
        return values[sample * count + (x * shape[1] + y) * shape[2] + z]
      }
    }
    for sample in 0..<volumes.shape[0] {
      let pixels = sample * side * side..<(sample + 1) * side * side
      #expect(
        stitching.canvas(image: turned(volumes.floats, sample), channels: 1) == Array(tensors["finetune.canvas"]!.floats[pixels]))
      let label = stitching.canvas(labels: turned(labels.floats, sample).map { UInt8($0) })
      #expect(label.map { Float($0) } == Array(tensors["finetune.canvas_labels"]!.floats[pixels]))
    }
  }

  /// The hash itself, against the examples of FIPS 180-4 and one beyond a block.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func hashes(text: String, hash: String) { #expect(sha256(Array(text.utf8)) == hash) }
}
