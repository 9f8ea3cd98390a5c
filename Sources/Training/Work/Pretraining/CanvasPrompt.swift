// One question to a SAM on a canvas: structures of a stitched scene, asked for by clicks or by a wrong mask of them.
// Axes: S pixels along each side of the canvas, L = 4g cells of the low-resolution logits.

import Networks
import Preparation
import Tensors
import Volumes

/// What is to be found, and the prompt for it.
package struct CanvasPrompt {
  /// [S, S]: 1 what is asked for, 0 all else, `Stitching.ignored` in gaps.
  package let target: [UInt8]
  /// The same, with no more than five other pixels for each that is asked for, drawn at random: the others are ignored.
  package let balancedTarget: [UInt8]
  /// Logits of a mask prompt, [1, 1, L, L, 1]; nil for clicks alone.
  package let mask: Tensor?
  package let points: [PlanePoint]

  /// A random one. One of eight asks for everything, without a prompt, as a SAM that is fine-tuned to classes is asked; one of five gives a mask, the
  /// others 1 to 8 clicks, most often 1. Half of the answers to clicks are judged in the slices that were clicked on alone: what is near comes first.
  package init(_ scene: StitchedScene, cells: Int, _ key: RandomKey) {
    var draw = RandomDraws(key)
    let kind = draw.uniform(0...1), isMask = kind > 0.8
    let count = kind < 0.125 ? 255 : draw.chance(0.15) ? draw.integer(2...3) : 1
    let structures = Self.drawn(count, from: scene.structures, &draw), whole = Self.target(structures, scene.labels)
    let clicks = kind < 0.125 ? 0 : isMask ? draw.integer(0...1) : max(structures.count, Self.clickCount(&draw))
    points = Self.clicks(clicks, on: structures, whole, scene, draw.child())
    mask = isMask ? Self.mask(of: structures, scene, cells: cells, draw.child()) : nil
    target = clicks > 0 && !isMask && draw.chance(0.5) ? Self.clicked(whole, by: points, scene) : whole
    balancedTarget = Self.balanced(target, draw.child())
  }

  /// A structure by that many clicks, without a mask. Of the same key, fewer clicks are the first of more.
  package init(_ scene: StitchedScene, clicks: Int, _ key: RandomKey) {
    var draw = RandomDraws(key)
    let structures = Self.drawn(1, from: scene.structures, &draw)
    target = Self.target(structures, scene.labels)
    balancedTarget = target
    mask = nil
    points = Self.clicks(clicks, on: structures, target, scene, draw.child())
  }

  private static func clickCount(_ draw: inout RandomDraws) -> Int {
    let unit = draw.uniform(0...1)
    return 1 + Int(7.99 * unit * unit)
  }

  private static func drawn(_ count: Int, from structures: [UInt8], _ draw: inout RandomDraws) -> [UInt8] {
    var rest = structures
    return (0..<min(count, rest.count)).map { _ in rest.remove(at: draw.integer(0...rest.count - 1)) }
  }

  private static func target(_ structures: [UInt8], _ labels: [UInt8]) -> [UInt8] {
    labels.map { $0 == Stitching.ignored ? $0 : structures.contains($0) ? 1 : 0 }
  }

  /// Leaves out the slices that no click lies in.
  private static func clicked(_ target: [UInt8], by points: [PlanePoint], _ scene: StitchedScene) -> [UInt8] {
    let slices = Set(points.map { scene.slices[Int($0.row) * scene.canvas + Int($0.column)] })
    return zip(target, scene.slices).map { slices.contains($1) ? $0 : Stitching.ignored }
  }

  private static func balanced(_ target: [UInt8], _ key: RandomKey) -> [UInt8] {
    let share = 5 * Double(target.count { $0 == 1 }) / Double(max(1, target.count { $0 == 0 }))
    return target.enumerated().map { $1 == 0 && key.uniform(UInt64($0)) >= share ? Stitching.ignored : $1 }
  }

  // MARK: Masks

  /// The mask as an early or late network would predict it.
  private static func mask(of structures: [UInt8], _ scene: StitchedScene, cells: Int, _ key: RandomKey) -> Tensor {
    var draw = RandomDraws(key)
    let volume = scene.scene.labels.map { structures.contains($0) ? UInt8(1) : 0 }, limit = draw.uniform(4...12)
    let probability = PerturbedMask(of: volume, side: scene.scene.side, draw.child()).probability
    let coarse = planePooled(scene.canvas(of: probability), side: scene.canvas, factor: scene.canvas / cells)
    return Tensor(coarse.map { clippedLogit($0, limit: limit) }, shape: [1, 1, cells, cells, 1])
  }

  /// The mean over each cell of `factor` pixels along both axes.
  private static func planePooled(_ values: [Float], side: Int, factor: Int) -> [Float] {
    let coarse = side / factor, share = 1 / Float(factor * factor)
    var result = [Float](repeating: 0, count: coarse * coarse)
    for row in 0..<side {
      for column in 0..<side { result[row / factor * coarse + column / factor] += share * values[row * side + column] }
    }
    return result
  }

  // MARK: Clicks

  /// One in each structure, then more of them inside than outside.
  private static func clicks(
    _ count: Int, on structures: [UInt8], _ target: [UInt8], _ scene: StitchedScene, _ key: RandomKey
  ) -> [PlanePoint] {
    (0..<count).compactMap { number in
      var draw = RandomDraws(key.child(UInt64(number)))
      let isPositive = number < structures.count || draw.chance(0.6)
      let structure = structures[number < structures.count ? number : draw.integer(0...structures.count - 1)]
      guard let inside = pixel(scene.labels, where: structure, &draw) else { return nil }
      let found = isPositive ? inside : outside(target, beside: inside, side: scene.canvas, &draw)
      return found.map { pixel in
        PlanePoint(row: Double(pixel / scene.canvas), column: Double(pixel % scene.canvas), isPositive: isPositive)
      }
    }
  }

  /// A random pixel of a value; nil where there is none.
  private static func pixel(_ values: [UInt8], where value: UInt8, _ draw: inout RandomDraws) -> Int? {
    let pixels = values.indices.filter { values[$0] == value }
    return pixels.isEmpty ? nil : pixels[draw.integer(0...pixels.count - 1)]
  }

  /// A pixel that is not asked for: in half of the cases a few pixels beside one that is, else anywhere; nil where there is none.
  private static func outside(_ target: [UInt8], beside inside: Int, side: Int, _ draw: inout RandomDraws) -> Int? {
    if draw.chance(0.5) {
      for _ in 0..<8 {
        let row = inside / side + draw.integer(-8...8), column = inside % side + draw.integer(-8...8)
        guard (0..<side).contains(row), (0..<side).contains(column), target[row * side + column] == 0 else { continue }
        return row * side + column
      }
    }
    return pixel(target, where: 0, &draw)
  }
}
