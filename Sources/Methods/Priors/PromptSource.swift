// Prompts without a person who clicks. A source is evidence of where a class is, and a way of putting
// it to the network. All grids are cubes along the window's axes (x, y, z): G = 4g cells for masks, N voxels for clicks.

import Networks
import Preparation
import Tensors

/// How a prior is asked about a class.
public enum PromptSource: String, Sendable, CaseIterable {
  /// The student's mask as logits, one pass. The default: in distribution.
  case studentMask
  /// Ten clicks, each in what the answer before got wrong of the student's mask.
  case studentClicks
  /// Clicks as in `studentClicks`; the answers' variance is the uncertainty.
  case studentClicksUnc
  /// The mask of the tokens that are most like those of the labelled volumes; needs no student.
  case prototype
  /// The mean of the labelled volumes' labels in the canonical frame, added to the student's mask.
  case atlas
  /// One click in the brightest part of the crop.
  case intensity
  /// One click in the middle of the window.
  case centre
  /// No click and an empty mask: out of distribution, for tests.
  case none

  /// Whether a mask is put to the network or aimed at, so that classes of which there is too little or too much are left out.
  var usesMask: Bool {
    switch self {
    case .studentMask, .studentClicks, .studentClicksUnc, .prototype, .atlas: true
    case .intensity, .centre, .none: false
    }
  }

}

/// What is known of one class in one window, and the network that is asked about it.
package struct PromptRequest {
  /// N, G.
  let imageSize, grid: Int
  /// The class's probability, [G, G, G]; 0 where it is unknown.
  let probability: [Float]
  /// [G, G, G]: where the crop lets one look.
  let isKnown: [Bool]
  /// L.
  let clip: Float
  /// The share of each cell of a finer grid that the mask fills, and where it is known: what clicks aim at.
  let target: () -> PooledCrop
  /// The mean of the image's first channel, [G, G, G], and where it is known.
  let intensity: () -> PooledCrop
  let key: RandomKey
  /// Low-resolution logits [G, G, G] for a mask prompt of that shape and clicks.
  let decode: ([Float], [PointPrompt]) -> [Float]

  package init(
    imageSize: Int, grid: Int, probability: [Float], isKnown: [Bool], clip: Float, target: @escaping () -> PooledCrop,
    intensity: @escaping () -> PooledCrop, key: RandomKey, decode: @escaping ([Float], [PointPrompt]) -> [Float]
  ) {
    (self.imageSize, self.grid, self.probability, self.isKnown, self.clip) = (imageSize, grid, probability, isKnown, clip)
    (self.target, self.intensity, self.key, self.decode) = (target, intensity, key, decode)
  }

  /// clip(logit(p), ±L); 0 in unknown cells: nobody has looked there.
  var mask: [Float] { zip(probability, isKnown).map { $1 ? logit($0, limit: clip) : 0 } }
  var emptyMask: [Float] { [Float](repeating: 0, count: probability.count) }
}

extension PromptSource {
  /// The logits [G, G, G] after each pass; the last is the answer.
  package func rounds(_ request: PromptRequest) -> [[Float]] {
    switch self {
    case .studentMask, .prototype, .atlas: return [request.decode(request.mask, [])]
    case .studentClicks, .studentClicksUnc: return clickRounds(request)
    case .intensity:
      return [request.decode(request.emptyMask, brightestCell(request.intensity()).map { [request.click($0)] } ?? [])]
    case .centre:
      let middle = Double(request.imageSize / 2)
      return [request.decode(request.emptyMask, [PointPrompt(voxel: SIMD3(repeating: middle), isPositive: true)])]
    case .none: return [request.decode(request.emptyMask, [])]
    }
  }
}

extension PromptRequest {
  /// A positive click in the middle of a cell.
  fileprivate func click(_ cell: [Int]) -> PointPrompt { point(cell, cells: grid, isPositive: true) }

  /// A click in the middle of a cell of a grid with so many cells along each axis.
  func point(_ cell: [Int], cells: Int, isPositive: Bool) -> PointPrompt {
    let size = Double(imageSize) / Double(cells)
    let voxel = cell.map { (Double($0) + 0.5) * size - 0.5 }
    return PointPrompt(voxel: SIMD3(voxel[0], voxel[1], voxel[2]), isPositive: isPositive)
  }
}
