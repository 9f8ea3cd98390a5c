// One question to a promptable network and its answer: a structure of a random scene, and the prompt of a student or a user.
// Axes: N voxels of the image along each side, L = 4g cells of the low-resolution grid.

import Kernels
import Networks
import Preparation
import Tensors

/// A structure to find and the first prompt for it.
struct PromptExample {
  /// [N³]
  let target: [UInt8]
  /// [1, L, L, L, 1], logits; zeros where only a click is given.
  let mask: Tensor
  let points: [PointPrompt]
  /// The mask prompt before it is put on the low-resolution grid, and the part of the grid that it covers; nil for a click.
  let student: (probability: [Float], known: PromptBox)?
  let side, cells: Int

  enum Kind { case mask, click }

  init(_ scene: PromptableScene, cells: Int, _ kind: Kind, key: RandomKey) {
    (side, self.cells) = (scene.side, cells)
    var draw = RandomDraws(key)
    target = scene.mask(of: scene.structures[draw.integer(0...scene.structures.count - 1)])
    switch kind {
    case .mask:
      let probability = PerturbedMask(of: target, side: side, draw.child()).probability
      let known = Self.known(target, side: side, cells: cells, &draw)
      let limit = draw.uniform(4...12)
      var logits = averagePooled(probability, side: side, factor: side / cells).map { clippedLogit($0, limit: limit) }
      known.clear(&logits, side: cells)
      (mask, points, student) = (Tensor(logits, shape: Self.shape(cells)), [], (probability, known))
    case .click:
      let click = SceneClick(target: target, prediction: nil, side: side, draw.child())
      (mask, points, student) = (Tensor(zeros: Self.shape(cells)), click.map { [PointPrompt($0)] } ?? [], nil)
    }
  }

  private static func shape(_ cells: Int) -> Shape { [1, cells, cells, cells, 1] }

  /// Half of the prompts come from a crop that covers a part of the volume, and at least a third of the structure.
  private static func known(_ target: [UInt8], side: Int, cells: Int, _ draw: inout RandomDraws) -> PromptBox {
    guard draw.chance(0.5) else { return PromptBox(side: cells) }
    let cover = averagePooled(target.map(Float.init), side: side, factor: side / cells), whole = cover.reduce(0, +)
    for _ in 0..<8 {
      let candidate = PromptBox(side: cells, draw.child())
      var covered = cover
      candidate.clear(&covered, side: cells)
      if covered.reduce(0, +) > whole / 3 { return candidate }
    }
    return PromptBox(side: cells)
  }

  /// The share of each cell that belongs to the target, [1, L, L, L, 1].
  var softTarget: Tensor {
    Tensor(averagePooled(target.map(Float.init), side: side, factor: side / cells), shape: Self.shape(cells))
  }

  /// A second prompt after an answer: the answer itself, and in half of the cases a click where it is wrong.
  func next(after logits: Tensor, key: RandomKey) -> (mask: Tensor, points: [PointPrompt]) {
    guard key.uniform(0) < 0.5 else { return (logits.detached, []) }
    let click = SceneClick(
      target: target, prediction: upsampled(logits, by: side / cells).map { $0 > 0 ? 1 : 0 }, side: side, key.child(1))
    return (logits.detached, click.map { [PointPrompt($0)] } ?? [])
  }
}

extension PointPrompt {
  init(_ click: SceneClick) { self.init(voxel: SIMD3<Double>(click.voxel), isPositive: click.isPositive) }
}

/// Logits at the voxels of the image, by trilinear upsampling by 2.
/// - Shape: logits [1, L, L, L, 1]; result [N³] with N = factor · L.
package func upsampled(_ logits: Tensor, by factor: Int) -> [Float] {
  require(factor.nonzeroBitCount == 1, "upsampled by \(factor): give a power of two.")
  var result = logits, factor = factor
  while factor > 1 {
    let larger = Tensor(uninitialized: Shape([1] + result.shape.spatial.map { 2 * $0 } + [1]))
    withExtendedLifetime((result, larger)) {
      doubleSize(result.pointer, into: larger.pointer, batch: 1, input: result.shape.spatial, channels: 1)
    }
    (result, factor) = (larger, factor / 2)
  }
  return result.values
}
