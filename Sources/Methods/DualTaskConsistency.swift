// DTC (Luo et al., arXiv:2009.04448; HiLab-git/DTC, code/train_la_dtc.py): a student that tells both the classes and the signed distance to the surface of one
// structure, which must agree. The original's head of distances sees the features after dropout, this one before. Axes: D H W voxels, C channels.

import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class DualTaskConsistency: Method {
  public static let name = "dtc"
  public static let summary =
    "DTC: the student's classes agree with the distances to the surface that it tells; one structure only"
  private static let weight = ConsistencyOptions(highest: 1, publishedEpochs: 40)
  public static let options: [any SettingDescription] = weight.all

  private let student: any Network
  /// A convolution of one voxel on the student's finest features.
  private let distanceHead: ParameterSet
  private let weight: ConsistencyWeight
  public var trained: [TrainedModule] { [TrainedModule("student", student), TrainedModule("distance", distanceHead)] }
  public var predictor: any Network { student }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])

  public init(_ plan: MethodPlan) throws(MethodError) {
    guard plan.network.classes == 2 else {
      throw MethodError(
        "method dtc learns the distance to the surface of one structure and the data have \(plan.network.classes - 1): take data with one, or mean-teacher."
      )
    }
    student = try plan.makeNetwork()
    distanceHead = ParameterSet(
      .convolution(
        "distance", inputs: student.featureChannels(.dec1), outputs: 1, kernel: [1, 1, 1], stride: [1, 1, 1], .uniform),
      seed: plan.network.seed)
    weight = Self.weight.weight(plan)
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let labelled = student.predict(batch.labelled, .clean, keeping: [.dec1], at: step, on: tape)
    let unlabelled = student.predict(batch.unlabelled, .clean, keeping: [.dec1], at: step, on: tape)
    let labels = try labelled.labels(), weight = weight.at(step)
    let distances = (labelled + unlabelled).map { prediction in
      tape.tanh(
        tape.convolution(
          prediction.features[.dec1]!, weight: distanceHead["distance.weight"], bias: distanceHead["distance.bias"]))
    }
    var terms = LossTerms(
      dualTaskTerms(labelled + unlabelled, distances: distances, labels: labels, weight: weight, on: tape),
      diagnostics: [("consistencyWeight", weight)])
    terms.unlabelled = unlabelled
    return terms
  }
}

/// Dice of the structure, the mean squared difference of distances, and that of class probabilities to those that follow from the distances; gradients of the
/// last flow to both sides.
/// - Parameters:
///   - distances: [1, D, H, W, 1] of each prediction.
///   - labels: of the first predictions, those of labelled samples.
///   - weight: of the last term.
package func dualTaskTerms(
  _ predictions: [Prediction], distances: [Tensor], labels: [[UInt8]], weight: Double, on tape: Tape
) -> [LossTerm] {
  let known = tape.stacked(predictions[..<labels.count].map(\.probabilities))
  let targets = labels.map { signedDistanceMap($0, size: known.shape.spatial) }
  let dice = tape.diceLoss(known, labels: Array(labels.joined()), wholeBatch: true, countsBackground: false)
  let distance = tape.squaredDifference(
    tape.stacked(Array(distances[..<labels.count])), to: Tape(recording: false).stacked(targets))
  let implied = tape.insideProbabilities(ofDistance: tape.stacked(distances), sharpness: 1500)
  return [
    LossTerm("dice", dice, weight: 1), LossTerm("distance", distance, weight: 0.3),
    LossTerm("consistency", tape.squaredDifference(implied, to: tape.stacked(predictions.map(\.probabilities))), weight: weight),
  ]
}
