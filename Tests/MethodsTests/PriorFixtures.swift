// A small random SAM-Med3D, embeddings of one window and samples in it, for tests of priors.

import Learning
import Methods
import Networks
import Preparation
import Tensors
import Volumes

enum PriorFixture {
  static let plan = SAMMed3DPlan(
    imageSize: 32, patchSize: 8, embedding: 16, depth: 2, heads: 2, globalBlocks: [0, 1], window: 4, promptDimension: 48)
  static let classes = 3
  static let volume = Extent(20, 24, 22)
  static let step = Step(index: 0, total: 10, seed: 1)

  static func network() -> SAMMed3D { SAMMed3D(plan, parameters: ParameterSet(SAMMed3D.specification(plan), seed: 3)) }

  static func noise(_ shape: Shape, key: UInt64) -> Tensor {
    Tensor((0..<shape.count).map { Float(RandomKey(key).gaussian(UInt64($0))) }, shape: shape)
  }

  /// One window of 32³ voxels at the volume's own spacing, whose embedding is noise.
  final class Source: EmbeddingSource {
    let window = CanonicalWindow(
      size: 32, origin: [-6, -4, -5], step: [1, 1, 1], reach: Array(repeating: -.infinity ... .infinity, count: 3))
    let embedding: Tensor

    init(_ embedding: Tensor = noise([1, 4, 4, 4, 48], key: 5)) { self.embedding = embedding }

    func embedding(for sample: Sample) throws(MethodError) -> [WindowEmbedding] {
      sample.place.map { [WindowEmbedding(map: WindowMap($0, window), embedding: embedding)] } ?? []
    }
  }

  /// The whole volume, or a turned and mirrored part of it.
  static let whole = CropPlace(volume: volume, spacing: Spacing(1, 1, 1), crop: volume, origin: [0, 0, 0])
  static let turned = CropPlace(
    volume: volume, spacing: Spacing(1, 1, 1), crop: Extent(20, 22, 24), origin: [19, 23, 0],
    steps: [[-1, 0, 0], [0, 0, 1], [0, -1, 0]])

  /// Class 1 is a ball, class 2 a box.
  static func label(_ place: CropPlace) -> [UInt8] {
    var label: [UInt8] = []
    for d in 0..<place.crop.depth {
      for h in 0..<place.crop.height {
        for w in 0..<place.crop.width {
          let at = place.position(d, h, w), (x, y, z) = (at[0] - 8, at[1] - 8, at[2] - 9)
          let isBox = at[0] > 12 && at[0] < 18 && at[1] > 14 && at[1] < 21 && at[2] > 12
          label.append(x * x + y * y + z * z < 26 ? 1 : isBox ? 2 : 0)
        }
      }
    }
    return label
  }

  /// Probabilities that lean to a label.
  static func student(_ label: [UInt8], _ extent: Extent, sure: Float = 0.8) -> Tensor {
    let rest = (1 - sure) / Float(classes - 1)
    let values = label.flatMap { found in (0..<classes).map { $0 == Int(found) ? sure : rest } }
    return Tensor(values, shape: [1, extent.depth, extent.height, extent.width, classes])
  }

  /// A volume as large as the source's window, of which class 1 fills one half along z and class 2 a quarter; and an embedding whose
  /// tokens encode the class of their 8 x 8 x 8 voxels.
  static func slabs() -> (place: CropPlace, label: [UInt8], source: Source) {
    let place = CropPlace(
      volume: Extent(32, 32, 32), spacing: Spacing(1, 1, 1), crop: Extent(32, 32, 32),
      origin: Source().window.origin.map { Int($0) })
    let label = (0..<32768).map { UInt8($0 / 1024 < 8 ? 0 : $0 / 1024 < 16 ? 2 : 1) }, channels = 48
    let tokens = (0..<64).flatMap { token in
      let k = Int(label[(token % 4) * 8 * 1024])
      // A component that all share, one of the class, and noise.
      return (0..<channels).map { channel -> Float in
        let signal: Float = channel % 3 == k ? 1 : 0, noise = Float(RandomKey(4).gaussian(UInt64(token * channels + channel)))
        return 2 + signal + 0.1 * noise
      }
    }
    return (place, label, Source(Tensor(tokens, shape: [1, 4, 4, 4, channels])))
  }

  static func sample(_ place: CropPlace? = whole, label: [UInt8]? = nil, clean: Tensor? = nil, draw: UInt64 = 4) -> Sample {
    Sample(identifier: "volume", draw: draw, views: clean.map { [.clean: $0] } ?? [:], label: label, place: place)
  }

  static func dice(_ a: [Bool], _ b: [Bool]) -> Double {
    2 * Double(zip(a, b).count { $0 && $1 }) / Double(max(1, a.count { $0 } + b.count { $0 }))
  }
}
