// What a frozen prior gives a method for a crop: logits of each foreground class, and features to align with.
// Axes: B batch, D H W voxels of the crop, F foreground classes (K - 1), N tokens, E embedding.

import Learning
import Preparation
import Tensors

/// A prior's answer for one crop.
public struct PriorAnswer: Sendable {
  /// z [1, D, H, W, F]: above 0 where the prior sees the class.
  public var logits: Tensor
  /// Whether the prior answers for each foreground class in this crop: not where its prompt is too small or fills nearly all.
  public var isPresent: [Bool]
  /// The variance of the probabilities that several rounds of prompts gave, [1, D, H, W, F], 0 or more; nil where there was one round.
  public var uncertainty: Tensor?

  public init(logits: Tensor, isPresent: [Bool], uncertainty: Tensor? = nil) {
    (self.logits, self.isPresent, self.uncertainty) = (logits, isPresent, uncertainty)
  }
}

/// A frozen source of guidance. It has no trained parameters, records nothing on a tape, and answers alike on every rank.
public protocol Prior: AnyObject {
  /// The title for the console and reports: "SAM-Med3D", "demo prior", "oracle".
  var title: String { get }
  /// The trust in it from 0 to 1, by the calibration on the labelled volumes; multiplies the weight of the distillation.
  var reliability: Double { get }

  /// E of `tokens`; 0 where the prior has no features of its own.
  var tokenChannels: Int { get }

  /// - Parameter student: the student's class probabilities on the crop, [1, D, H, W, K], detached: what prompts are made of for samples
  ///   without a label.
  /// - Returns: nil where the prior has no answer for any class.
  func answer(for sample: Sample, student: Tensor, at step: Step) throws(MethodError) -> PriorAnswer?

  /// The prior's own features at a coarse grid over the crop, for alignment: [1, N, E], N = grid[0]·grid[1]·grid[2], centred by the
  /// volume's mean token. Nil where the prior has none.
  func tokens(for sample: Sample, grid: [Int]) throws(MethodError) -> Tensor?
}

extension Prior {
  public var reliability: Double { 1 }
  public var tokenChannels: Int { 0 }
  public func tokens(for sample: Sample, grid: [Int]) throws(MethodError) -> Tensor? { nil }
}
