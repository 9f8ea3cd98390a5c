// SAM-Med3D: a promptable network that serves as a frozen prior (Wang et al., arXiv:2310.15161; github.com/uni-medical/SAM-Med3D).
// An image is encoded once; each prompt (a mask as logits, clicks, or both) is then decoded cheaply. All of it runs on a tape: one
// that records trains the network, one that does not keeps nothing.
// Axes: B batch, N voxels along each side of the image, g = N / 16 tokens, P channels of the embedding.

import Kernels
import Learning
import Tensors

/// A click.
public struct PointPrompt: Hashable, Sendable {
  /// The position in the axis order of the image tensor, in voxels of the image from 0; a voxel's centre is its whole number.
  public var voxel: SIMD3<Double>
  /// Whether the click lies on the object, or on what is not the object.
  public var isPositive: Bool

  public init(voxel: SIMD3<Double>, isPositive: Bool) {
    self.voxel = voxel
    self.isPositive = isPositive
  }
}

public final class SAMMed3D {
  public static let name = "sam-med3d"
  public static let summary = "SAM-Med3D: prior that turns a mask or clicks into a better mask; not trained by `cohort train`"

  public let plan: SAMMed3DPlan
  /// Every array of `specification(plan)`.
  public let parameters: any ParameterTable
  /// How pad tokens are attended to.
  public let padding: WindowPadding
  /// The positional codes of the image's tokens, [1, g³, P]: the same for every prompt, since the matrix behind it is never
  /// trained.
  private(set) lazy var places = Rehearsal.lasting { positionalCode.ofTokens(grid: plan.grid) }

  public init(_ plan: SAMMed3DPlan, parameters: any ParameterTable, padding: WindowPadding = .folded) {
    if let problem = plan.problem { fatalError(problem) }
    self.plan = plan
    self.parameters = parameters
    self.padding = padding
  }

  /// Logits of the one mask that was trained, for one sample.
  /// - Shape: embedding [1, g, g, g, P], mask [1, 4g, 4g, 4g, 1]; result [1, 4g, 4g, 4g, 1].
  /// - Parameters:
  ///   - mask: logits of a mask prompt. Without one the untrained vector "no mask" is used: give zeros for "nothing is known".
  ///   - points: clicks; may be empty.
  public func logits(embedding: Tensor, mask: Tensor?, points: [PointPrompt], on tape: Tape) -> Tensor {
    let side = plan.lowResolution, grid = plan.grid
    require(
      embedding.shape == [1, grid, grid, grid, plan.promptDimension]
        && mask.map { $0.shape == [1, side, side, side, 1] } ?? true,
      "SAM-Med3D: an embedding \(embedding.shape) with a mask \(mask?.shape.description ?? "none"): give one sample at a time, "
        + "[1, \(grid), \(grid), \(grid), \(plan.promptDimension)] and [1, \(side), \(side), \(side), 1].")
    return decoded(withMask(mask, embedding: embedding, on: tape), pointTokens(points, on: tape), on: tape)
  }
}
