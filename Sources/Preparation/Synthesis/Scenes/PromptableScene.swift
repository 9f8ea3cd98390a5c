// A random scene with structures to segment: what a promptable network is pretrained on, so that no scan of a person is needed. Half of the
// scenes are like the middle of a brain (thin, paired, low contrast, side by side), the others like a body with organs and tumours.
// Arrays [N, N, N] in the axis order of the network; lengths in voxels.

import Foundation
import Tensors
import Volumes

/// An image and what lies where in it; a function of the key alone.
public struct PromptableScene: Sendable {
  /// N: voxels along each axis.
  public let side: Int
  /// Intensities, z-scored by the mean and unbiased standard deviation of the voxels above 0.
  public let image: [Float]
  /// The structure that each voxel belongs to; 0 for none.
  public let labels: [UInt8]
  /// The structures that have at least `leastVoxels` voxels in view; never empty.
  public let structures: [UInt8]

  public static let leastVoxels = 100

  public init(_ key: RandomKey, side: Int) {
    self.side = side
    var attempt = UInt64(0)
    while true {
      let anatomy = SceneAnatomy(key.child(attempt), side: side)
      let visible = anatomy.visibleStructures
      if !visible.isEmpty {
        (image, labels, structures) = (sceneImage(anatomy, key.child(attempt).child(1)), anatomy.labels, visible)
        return
      }
      attempt += 1
    }
  }

  /// 1 where the structure is.
  public func mask(of structure: UInt8) -> [UInt8] { labels.map { $0 == structure ? 1 : 0 } }
}

/// What lies where, before a scanner sees it.
struct SceneAnatomy {
  /// What a voxel is where no structure lies.
  enum Surrounding: UInt8 { case unseen, air, body }

  let extent: Extent
  /// 0 outside of all structures; the inside of a hollow structure is one of its own.
  private(set) var labels: [UInt8]
  private(set) var surroundings: [Surrounding]
  /// Smooth noise of standard deviation 1, details of about 6 voxels: roughness of surfaces, ribbons of other tissue in the body.
  let noise: [Float]
  let isBrain: Bool
  let structureCount: Int

  init(_ key: RandomKey, side: Int) {
    var draw = RandomDraws(key)
    extent = Extent(side, side, side)
    isBrain = draw.chance(0.6)
    let bounds = Self.world, count = isBrain ? draw.integer(6...12) : draw.integer(4...9)
    let body = SceneShape(bodyIn: isBrain ? 1.3 * bounds : bounds, &draw)
    var shapes: [SceneShape] = []
    for _ in 0..<count {
      shapes.append(isBrain ? SceneShape(nucleusIn: bounds, &draw) : SceneShape(organIn: bounds, &draw))
    }
    structureCount = shapes.reduce(0) { $0 + ($1.wall == nil ? 1 : 2) }
    noise = smoothField(draw.child(), extent: extent, spacing: 1, latticeSpacing: Double(draw.uniform(4...8)))
    labels = [UInt8](repeating: 0, count: extent.count)
    surroundings = [Surrounding](repeating: .air, count: extent.count)
    let deformation = Deformation(draw.child(), size: SIMD3(repeating: bounds), scale: 1)
    let free = max(0, bounds - Float(side)) / 2
    paint(shapes, body, through: deformation, middle: SIMD3(repeating: bounds / 2) + free * draw.point())
    cutFieldOfView(&draw)
  }

  /// Voxels along each side of what shapes are strewn over; the scene is a window of it.
  private static let world: Float = 64

  /// Later structures lie over earlier ones, so that neighbours share surfaces.
  /// - Parameter middle: where in the world the middle of the window lies.
  private mutating func paint(_ shapes: [SceneShape], _ body: SceneShape, through deformation: Deformation, middle: SIMD3<Float>)
  {
    let side = extent.width, half = Self.world / 2, corner = middle - Float(side) / 2
    // Structure numbers from the last to the first shape; a hollow one has a second number for its inside.
    var numbered: [(shape: SceneShape, label: UInt8)] = [], next: UInt8 = 1
    for shape in shapes {
      numbered.insert((shape, next), at: 0)
      next += shape.wall == nil ? 1 : 2
    }
    var row = [SIMD3<Float>](repeating: .zero, count: side)
    row.withUnsafeMutableBufferPointer { row in
      for d in 0..<side {
        for h in 0..<side {
          deformation.map(row: corner + SIMD3(Float(d) + 0.5, Float(h) + 0.5, 0.5), step: 1, into: row)
          for w in 0..<side {
            let index = extent.index(d, h, w), point = row[w] - half, rough = noise[index]
            if body.level(at: point, noise: rough) < 1 { surroundings[index] = .body }
            for (shape, label) in numbered {
              let level = shape.level(at: point, noise: rough)
              guard level < 1 else { continue }
              labels[index] = shape.wall.map { level < 1 - $0 ? label + 1 : label } ?? label
              surroundings[index] = .body
              break
            }
          }
        }
      }
    }
  }

  /// Often the scan is smaller than the window that is centred on it: nothing is known outside a box. Scans of brains are cut to their
  /// middle, as one cuts to the structures of interest.
  private mutating func cutFieldOfView(_ draw: inout RandomDraws) {
    guard draw.chance(isBrain ? 0.75 : 0.5) else { return }
    let side = extent.width, isCentred = draw.chance(0.8)
    let box = (0..<3).map { _ -> Range<Int> in
      let length = Int(draw.uniform(0.5...1) * Float(side)), free = side - length
      let start = isCentred ? free / 2 : draw.integer(0...free)
      return start..<(start + length)
    }
    for d in 0..<side {
      for h in 0..<side {
        for w in 0..<side where !(box[0].contains(d) && box[1].contains(h) && box[2].contains(w)) {
          labels[extent.index(d, h, w)] = 0
          surroundings[extent.index(d, h, w)] = .unseen
        }
      }
    }
  }

  var visibleStructures: [UInt8] {
    var counts = [Int](repeating: 0, count: 256)
    for label in labels { counts[Int(label)] += 1 }
    return (1...255).filter { counts[$0] >= PromptableScene.leastVoxels }.map(UInt8.init)
  }
}
