// A random scene whose slices lie side by side on a canvas: what a SAM for canvases is pretrained on.
// Axes: N voxels along each side of the scene, n slices, S pixels along each side of the canvas.

import Preparation
import Tensors
import Volumes

/// A canvas and what lies where on it; a function of the key alone.
package struct StitchedScene {
  /// N is one of these; with a canvas of 256 they fill half of it (32), more (36 to 48) or all (64).
  static let sides = [32, 36, 40, 48, 64]
  /// The fewest pixels of a structure that is asked for.
  package static let leastPixels = 40

  /// [S, S], standardised as data are.
  package let image: [Float]
  /// [S, S]: the structure of each pixel, 0 for none, `Stitching.ignored` in gaps.
  package let labels: [UInt8]
  /// [S, S]: the number of each pixel's slice from 0, `Stitching.ignored` in gaps.
  package let slices: [UInt8]
  /// The structures that have at least `leastPixels` pixels on the canvas; never empty.
  package let structures: [UInt8]
  package let scene: PromptableScene
  private let sheet: SceneSheet

  /// S.
  var canvas: Int { sheet.stitching.side }

  /// Errors: a canvas on which no slice fits.
  package init(_ key: RandomKey, canvas: Int) throws(PreparationError) {
    var attempt = UInt64(0)
    while true {
      let key = key.child(attempt)
      let fitting = Self.sides.filter { $0 <= canvas },
        side = fitting.isEmpty ? Self.sides[0] : fitting[key.integer(0, below: fitting.count)]
      let scene = PromptableScene(key.child(1), side: side), sheet = try SceneSheet(key.child(2), side: side, canvas: canvas)
      let labels = sheet.canvas(labels: scene.labels), structures = Self.structures(on: labels, of: scene)
      if !structures.isEmpty {
        (self.scene, self.sheet, self.labels, self.structures) = (scene, sheet, labels, structures)
        image = sheet.canvas(image: scene.image, key.child(3))
        slices = sheet.sliceNumbers
        return
      }
      attempt += 1
    }
  }

  private static func structures(on labels: [UInt8], of scene: PromptableScene) -> [UInt8] {
    var counts = [Int](repeating: 0, count: 256)
    for label in labels { counts[Int(label)] += 1 }
    return scene.structures.filter { counts[Int($0)] >= leastPixels }
  }

  /// The canvas [S, S] of a volume [N, N, N], with 0 in gaps.
  package func canvas(of volume: [Float]) -> [Float] { sheet.canvas(volume) }

  /// The image for a patch embedding that trains, [1, 1, S, S, 3]: three equal channels.
  var tensor: Tensor {
    Tensor(image.flatMap { [$0, $0, $0] }, shape: [1, 1, canvas, canvas, 3])
  }
}

/// Which slices of a scene lie on a canvas, and how the canvas is turned.
private struct SceneSheet {
  let stitching: Stitching
  private let side: Int
  /// The axis of the scene along which slices follow each other.
  private let axis: Int
  private let slices: Range<Int>
  private let turn: CanvasTurn?

  /// As many slices as fit, one after the other along any of the axes; half of the canvases are turned.
  init(_ key: RandomKey, side: Int, canvas: Int) throws(PreparationError) {
    var draw = RandomDraws(key)
    let tiles = canvas / side, count = max(1, min(side, tiles * tiles)), start = draw.integer(0...side - count)
    self.side = side
    axis = draw.integer(0...2)
    slices = start..<start + count
    turn = draw.chance(0.5) ? CanvasTurn(key: draw.child(), flipProbability: 0.5) : nil
    stitching = try Stitching(crop: Extent(count, side, side), canvas: canvas)
  }

  /// The image: in every third scene, some slices are bent as for fine-tuning.
  func canvas(image: [Float], _ key: RandomKey) -> [Float] {
    var draw = RandomDraws(key)
    let values = cut(IntensityRemap.standardized(image))
    guard draw.chance(0.3) else { return turned(stitching.canvas(image: values, channels: 1)) }
    let remap = IntensityRemap(rescalesFirst: draw.chance(0.5))
    let bent = stitching.canvas(image: remap.apply(values, crop: stitching.crop, key: draw.child()), channels: 1)
    return turned(remap.rescalesFirst ? IntensityRemap.standardized(bent) : bent)
  }

  func canvas(labels: [UInt8]) -> [UInt8] {
    turned(labels: stitching.canvas(labels: cut(labels)))
  }

  var sliceNumbers: [UInt8] {
    let numbers = (0..<slices.count).flatMap { [UInt8](repeating: UInt8($0), count: side * side) }
    return turned(labels: stitching.canvas(labels: numbers))
  }

  func canvas(_ volume: [Float]) -> [Float] { turned(stitching.canvas(image: cut(volume), channels: 1)) }

  private func turned(_ canvas: [Float]) -> [Float] { turn?.apply(canvas, side: stitching.side) ?? canvas }

  private func turned(labels: [UInt8]) -> [UInt8] { turn?.apply(labels: labels, side: stitching.side) ?? labels }

  /// The slices [n, N, N]; rows and columns run along the other two axes in their order.
  private func cut<Value>(_ volume: [Value]) -> [Value] {
    let strides = [side * side, side, 1], plane = (0..<3).filter { $0 != axis }.map { strides[$0] }
    var result: [Value] = []
    result.reserveCapacity(slices.count * side * side)
    for slice in slices {
      for row in 0..<side {
        for column in 0..<side { result.append(volume[slice * strides[axis] + row * plane[0] + column * plane[1]]) }
      }
    }
    return result
  }
}
