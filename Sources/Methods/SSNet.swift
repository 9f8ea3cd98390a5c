// SS-Net (Wu et al., MICCAI 2022, doi:10.1007/978-3-031-16443-9_4; ycwu1997/SS-Net, code/train_ss_3d.py): the student says of a crop the same when the crop is
// changed in the worst direction, and the features of a class are drawn together. The original is of one structure; of several this takes the mean of their
// Dice. Axes: D H W voxels, C channels, K classes.

import Kernels
import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class SSNet: Method {
  public static let name = "ss-net"
  public static let summary =
    "SS-Net: the same answer for crops that were changed in the worst direction, and features of a class drawn together"
  private static let weight = ConsistencyOptions(highest: 1, publishedEpochs: 40)
  public static let options: [any SettingDescription] = weight.all
  private static let disturbed = View("disturbed") { $0.image }

  private let student: any Network
  private let separation: ClassSeparation
  private let memory: ClassMemory
  private let weight: ConsistencyWeight
  public var trained: [TrainedModule] {
    [
      TrainedModule("student", student),
      TrainedModule("separation", separation.parameters, statistics: separation.statistics),
    ]
  }
  public var carried: [CarriedVector] { [memory.carried] }
  public var predictor: any Network { student }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])
  public let countsBatches = true

  public init(_ plan: MethodPlan) throws(MethodError) {
    student = try plan.makeNetwork()
    let classes = plan.network.classes
    separation = ClassSeparation(inputs: student.featureChannels(.dec1), classes: classes, seed: plan.network.seed)
    memory = ClassMemory(classes: classes)
    weight = Self.weight.weight(plan)
  }

  /// The features that a lane has for the memory.
  public func counts(_ batch: Batch, at step: Step) throws(MethodError) -> [Double] {
    let predictions = predictions(batch, at: step, on: Tape(recording: false))
    return try separation.found(in: Array(predictions[..<batch.labelled.count]))
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let predictions = predictions(batch, at: step, on: tape), known = Array(predictions[..<batch.labelled.count])
    if let sums = batch.sums { memory.take(sums.values) } else { memory.take(try separation.found(in: known)) }
    // The original counts the step before it looks up its weight.
    let weight = weight.at(Step(index: step.index + 1, total: step.total, seed: step.seed))
    let terms = try smoothSeparateTerms(
      predictions, labels: known.labels(), noise: predictions.map { Self.noise($0.sample, at: step) },
      images: predictions.map { $0.sample.image(.clean, at: step) }, separation: separation, memory: memory, weight: weight,
      on: tape
    ) { images, tape in self.probabilities(images, of: predictions.map(\.sample), at: step, on: tape) }
    // What the search for the worst direction left there.
    student.parameters.clearGradients()
    var result = LossTerms(terms, diagnostics: [("consistencyWeight", weight)])
    result.unlabelled = Array(predictions[known.count...])
    return result
  }

  private func predictions(_ batch: Batch, at step: Step, on tape: Tape) -> [Prediction] {
    student.predict(batch.labelled + batch.unlabelled, .clean, keeping: [.dec1], at: step, on: tape)
  }

  /// What the student says of changed crops, which leave no trace in its running statistics.
  private func probabilities(_ images: [Tensor], of samples: [Sample], at step: Step, on tape: Tape) -> [Tensor] {
    let changed = zip(samples, images).map { sample, image in
      Sample(identifier: sample.identifier, draw: sample.draw, views: [Self.disturbed: image], label: nil)
    }
    func say() -> [Tensor] { student.predict(changed, Self.disturbed, at: step, on: tape).map(\.probabilities) }
    return student.statistics?.withoutObserving(say) ?? say()
  }

  private static func noise(_ sample: Sample, at step: Step) -> Tensor {
    let key = RandomKey(seed: step.seed, volume: sample.identifier, draw: sample.draw, stream: RandomStream.mixing)
    let noise = Tensor(uninitialized: sample.image(.clean, at: step).shape)
    parallelFor(noise.count, grain: 1 << 13) { start, end in
      for index in start..<end { noise.pointer[index] = Float(key.uniform(UInt64(index)) - 0.5) }
    }
    return noise
  }
}

extension ClassSeparation {
  /// What labelled samples add to the memory.
  package func found(in labelled: [Prediction]) throws(MethodError) -> [Double] {
    found(
      in: labelled.embedding(on: Tape(recording: false)), labels: Array(try labelled.labels().joined()), predicted: labelled.said)
  }
}

extension [Prediction] {
  fileprivate func embedding(on tape: Tape) -> Tensor { tape.stacked(map { $0.features[.dec1]! }) }
  fileprivate var said: [UInt8] { flatMap { likeliestLabels($0.logits) } }
}

/// Dice with the sums of probabilities in its denominators, the change of what is said of crops that are moved along their worst direction, and the distances
/// of the voxels of each class from what is remembered of it.
/// - Parameters:
///   - predictions: with features of `.dec1`, those of labelled samples first.
///   - noise: see `adversarialCrops`, as `network`.
///   - weight: λ; that of the distances is a tenth of it.
package func smoothSeparateTerms(
  _ predictions: [Prediction], labels: [[UInt8]], noise: [Tensor], images: [Tensor], separation: ClassSeparation,
  memory: ClassMemory, weight: Double, on tape: Tape, network: @escaping ([Tensor], Tape) -> [Tensor]
) -> [LossTerm] {
  let classes = predictions[0].logits.shape.channels, said = predictions.map(\.probabilities.detached)
  let moved = adversarialCrops(of: images, said: said, noise: noise, memory: tape.memory, network: network)
  let change = tape.disagreement(tape.stacked(network(moved, tape)), from: Tape(recording: false).stacked(said))
  let dice = tape.overlapLoss(
    tape.stacked(predictions[..<labels.count].map(\.probabilities)), labels: Array(labels.joined()),
    LabelTargets(classes: classes))
  func distances(_ name: String, _ predictions: ArraySlice<Prediction>, _ labels: [UInt8]) -> [LossTerm] {
    separation.distances(Array(predictions).embedding(on: tape), labels: labels, memory: memory, on: tape).map {
      LossTerm(name, $0, weight: 0.1 * weight / Double(classes))
    }
  }
  let unlabelled = predictions[labels.count...]
  return [LossTerm("dice", dice.plus(1), weight: 1), LossTerm("smoothness", change, weight: weight)]
    + distances("separation", predictions[..<labels.count], Array(labels.joined()))
    + distances("pseudoSeparation", unlabelled, Array(unlabelled).said)
}
