// nnU-Net's Dice and cross entropy for the samples of a lane, as parts of the batch of all lanes (MIC-DKFZ/nnUNet v2.8.1,
// nnunetv2/training/loss/compound_losses.py). Axes: D H W voxels, K classes.

import Learning
import Tensors

/// What a head says of the samples of a lane: logits [1, D, H, W, K] and labels at its resolution.
package struct HeadScores {
  package let logits: [Tensor]
  let labels: [[UInt8]]

  package init(logits: [Tensor], labels: [[UInt8]]) { (self.logits, self.labels) = (logits, labels) }
}

/// The heads that count, with their weights and labels at their resolutions.
/// - Parameters:
///   - logits: of every head, the highest resolution first, of each one tensor [1, d, h, w, K] for each sample.
///   - labels: D·H·W of each sample.
func weightedHeads(_ logits: [[Tensor]], labels: [[UInt8]]) -> [(scores: HeadScores, weight: Double)] {
  let size = logits[0][0].shape.spatial
  return zip(logits, DeepSupervision.weights(heads: logits.count)).filter { $0.1 > 0 }.map { logits, weight in
    let smaller = logits[0].shape.spatial
    let seen = smaller == size ? labels : labels.map { DeepSupervision.labels($0, size: size, smaller: smaller) }
    return (HeadScores(logits: logits, labels: seen), weight)
  }
}

/// Dice + cross entropy, each with weight 1; of regions that overlap, on sigmoids.
package struct BatchLoss {
  package enum Dice: String, Sendable, CaseIterable {
    /// The mean of the samples' Dice.
    case sample
    /// The Dice of all samples of all lanes together.
    case batch
  }
  let targets: LabelTargets
  let dice: Dice
  /// Whether the cross entropies of a voxel's regions are added up, as nnU-Net does where data have a label to ignore, and not averaged.
  private let addsRegions: Bool

  package init(targets: LabelTargets, dice: Dice, addsRegions: Bool = false) {
    (self.targets, self.dice, self.addsRegions) = (targets, dice, addsRegions)
  }

  /// Whether the batches of all lanes have to be counted first.
  var needsSums: Bool { dice == .batch }

  /// How many numbers `sums` has.
  var sumsPerHead: Int { 3 * targets.classes + 1 }

  /// What a lane adds to the sums of the whole batch.
  package func sums(_ head: HeadScores) -> OverlapSums {
    let tape = Tape(recording: false)
    return OverlapSums(
      tape.stacked(head.logits.map { probabilities($0, on: tape) }), labels: Array(head.labels.joined()), targets)
  }

  /// The terms of a lane.
  /// - Parameters:
  ///   - weight: of Dice and of cross entropy.
  ///   - sums: of the batch of all lanes; nil: this lane is the whole batch.
  ///   - lanes: the number of lanes of which gradients are averaged.
  package func terms(
    _ head: HeadScores, weight: Double, sums: OverlapSums? = nil, lanes: Int = 1, on tape: Tape
  ) -> [LossTerm] {
    let p = head.logits.map { probabilities($0, on: tape) }, samples = Double(head.logits.count)
    let voxels = (sums?.voxels ?? head.labels.reduce(0) { $0 + Double(targets.voxels($1)) }) / Double(lanes)
    let entropies = zip(head.logits, zip(p, head.labels)).map { logits, other in
      let (p, labels) = other, share = max(1, voxels) / samples
      let loss =
        targets.areRegions
        ? tape.regionCrossEntropy(logits, labels: labels, targets, terms: share * Double(addsRegions ? 1 : targets.classes))
        : tape.crossEntropy(logits, probabilities: p, labels: labels, unlabelled: .leftOut, over: share)
      return LossTerm("crossEntropy", loss, weight: weight / samples)
    }
    return diceTerms(p, head.labels, weight, sums, lanes, tape) + entropies
  }

  private func probabilities(_ logits: Tensor, on tape: Tape) -> Tensor {
    targets.areRegions ? tape.sigmoid(logits) : tape.softmax(logits)
  }

  private func diceTerms(
    _ p: [Tensor], _ labels: [[UInt8]], _ weight: Double, _ sums: OverlapSums?, _ lanes: Int, _ tape: Tape
  ) -> [LossTerm] {
    switch dice {
    case .sample:
      let samples = Double(p.count)
      return zip(p, labels).map { p, labels in
        LossTerm("dice", tape.overlapLoss(p, labels: labels, targets), weight: weight / samples)
      }
    case .batch:
      let loss = tape.overlapLoss(
        tape.stacked(p), labels: Array(labels.joined()), targets, sums: sums, share: Double(lanes))
      return [LossTerm("dice", loss, weight: weight)]
    }
  }
}
