// Sliding window, mirror images and export against numbers of nnU-Net (nnunetv2 2.8.1).

import Foundation
import Preparation
import TestSupport
import Testing
import Volumes

@Suite struct InferenceGoldenTests {
  private let golden: GoldenFile

  init() throws { golden = try GoldenFile(TestSupport.golden("nnunet_inference.safetensors")) }

  private func decoded<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(try #require(golden.texts[name], "\(name)").utf8))
  }

  private struct Tiles: Decodable {
    var image, patch: [Int]
    var step: Double
    var starts: [[Int]]
  }

  @Test func tilesBeginWhereTheOriginalsDo() throws {
    for tiles in try decoded("tiles", as: [Tiles].self) {
      let cover = SlidingWindow(volume: Extent(tiles.image), patch: Extent(tiles.patch), step: .relative(tiles.step))
      for axis in 0..<3 {
        #expect(Set(cover.starts.map { $0[axis] }).sorted() == tiles.starts[axis], "\(tiles)")
      }
      #expect(cover.starts.count == tiles.starts.reduce(1) { $0 * $1.count })
    }
  }

  @Test func weightsAreTheGaussian() throws {
    let maps = golden.tensors.filter { $0.key.hasPrefix("gaussian.") && $0.key.hasSuffix(".exact") }
    try #require(!maps.isEmpty)
    for (name, map) in maps {
      let weights = Self.weights(Extent(map.shape))
      #expect(zip(weights, map.floats).allSatisfy { abs($0 - $1) <= 1e-5 * $1 }, "\(name)")
    }
  }

  @Test(arguments: [FlipAxes(), [.depth, .height, .width]]) func averagesEqualTheOriginals(mirrored: FlipAxes) throws {
    let volume = try #require(golden.tensors["window.volume"]), map = try #require(golden.tensors["window.tile_map"])
    let scale = try #require(golden.tensors["window.scale"]).floats, classes = scale.count
    let expected = try #require(golden.tensors[mirrored.isEmpty ? "window.logits" : "window.logits.mirrored"]).floats
    let extent = Extent(Array(volume.shape[1...])), patch = Extent(Array(map.shape[1...]))
    func network(_ x: [Float]) -> [Float] {
      x.indices.flatMap { voxel in (0..<classes).map { scale[$0] * x[voxel] + map.floats[$0 * patch.count + voxel] } }
    }
    let cover = SlidingWindow(volume: extent, patch: patch), mirrorings = Mirrorings(mirrored)
    #expect(mirrorings.count == (mirrored.isEmpty ? 1 : 8))
    let logits = cover.predict(image: volume.floats, channels: 1, classes: classes) { x in
      mirrorings.mean(of: x, extent: patch, channels: 1) { [network($0)] }
    }
    let sums = Self.weightSums(cover)
    var worst: Float = 0, compared = 0
    for voxel in 0..<extent.count where sums[voxel] >= 0.05 {
      compared += 1
      for k in 0..<classes { worst = max(worst, abs(logits[voxel * classes + k] - expected[k * extent.count + voxel])) }
    }
    #expect(worst < 1e-2 && compared > 0, "\(worst) over \(compared) of \(extent.count)")
  }

  private struct Export: Decodable {
    var spacing, target_spacing: [Double]
    var shape_before_cropping, shape_after_cropping_and_before_resampling, transpose_forward: [Int]
    var bbox_used_for_cropping: [[Int]]
  }

  @Test func labelsAreThoseOfTheExport() throws {
    let names = golden.texts.keys.filter { $0.hasPrefix("export.") }
    try #require(!names.isEmpty)
    for name in names {
      let export = try decoded(name, as: Export.self), logits = try #require(golden.tensors[name + ".logits"])
      let expected = try #require(golden.tensors[name + ".segmentation"]), classes = logits.shape[0]
      let from = Extent(Array(logits.shape[1...])), before = Extent(export.shape_before_cropping)
      let order = export.transpose_forward, spacing = Spacing(order.map { export.spacing[$0] })
      let frame = CaseFrame(
        originalExtent: before, originalSpacing: spacing, cropStart: export.bbox_used_for_cropping.map { $0[0] },
        cropExtent: Extent(export.shape_after_cropping_and_before_resampling), grid: FileGrid(canonical: before, spacing: spacing)
      )
      var resampling = scoreResampling(
        classes: classes, extent: from, spacing: Spacing(export.target_spacing), frame: frame)
      resampling.add(whole: (0..<from.count * classes).map { logits.floats[$0 % classes * from.count + $0 / classes] }, from)
      let found = restoreLabels(resampling.labels, frame: frame).labels
      let shape = Extent(expected.shape)
      var different = 0
      for d in 0..<shape.depth {
        for h in 0..<shape.height {
          for w in 0..<shape.width {
            let place = order.map { [d, h, w][$0] }
            if Float(found[before.index(place[0], place[1], place[2])]) != expected.floats[shape.index(d, h, w)] {
              different += 1
            }
          }
        }
      }
      #expect(different == 0, "\(name): \(different) voxels differ")
    }
  }

  /// The weights of a patch as the original scales them: 10 in the middle.
  private static func weights(_ patch: Extent) -> [Float] {
    let factors = (0..<3).map { WindowProfile.gaussian(patch[$0]) }
    return factors[0].flatMap { d in factors[1].flatMap { h in factors[2].map { w in 10 * d * h * w } } }
  }

  private static func weightSums(_ cover: SlidingWindow) -> [Float] {
    let (volume, patch) = (cover.volume, cover.patch), weights = weights(cover.patch)
    var sums = [Float](repeating: 0, count: volume.count)
    for start in cover.starts {
      for d in 0..<patch.depth {
        for h in 0..<patch.height {
          for w in 0..<patch.width {
            let (z, y, x) = (start[0] + d, start[1] + h, start[2] + w)
            guard (0..<volume.depth).contains(z), (0..<volume.height).contains(y), (0..<volume.width).contains(x) else {
              continue
            }
            sums[volume.index(z, y, x)] += weights[patch.index(d, h, w)]
          }
        }
      }
    }
    return sums
  }
}

extension Extent {
  fileprivate init(_ sides: [Int]) { self.init(sides[0], sides[1], sides[2]) }
}

extension Spacing {
  fileprivate init(_ sides: [Double]) { self.init(sides[0], sides[1], sides[2]) }
}

extension ScoreResampling {
  /// Takes all planes of scores [D, H, W, K].
  mutating func add(whole scores: [Float], _ extent: Extent) {
    let count = scores.count / extent.depth
    scores.withUnsafeBufferPointer { scores in
      for d in 0..<extent.depth { add(UnsafeBufferPointer(rebasing: scores[d * count..<(d + 1) * count])) }
    }
  }
}
