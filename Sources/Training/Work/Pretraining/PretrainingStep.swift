// What one lane does in one step of a pretraining: a scene is encoded once and several prompts are answered, some of them in two rounds.

import Foundation
import Learning
import Methods
import Networks
import Preparation
import Tensors

/// The loss of one scene. A function of (seed, lane, step) and the weights.
///
/// Of the answers three fifths are to a mask, one fifth to a click, one fifth to an answer before, with or without a new click. The loss is
/// taken on the low-resolution grid, against the share of each cell that is target: the network computes no finer logits, a trilinear
/// upsampling of soft cells keeps the boundary within a voxel, and it costs an eighth.
func pretrainingLoss(_ network: SAMMed3D, _ plan: PretrainingPlan, lane: Int, step: Int, on tape: Tape) -> [LossTerm] {
  let key = plan.sceneKey(lane: lane, step: step), sizes = network.plan
  let scene = PromptableScene(key.child(0), side: sizes.imageSize)
  let embedding = network.embedding(Tensor(scene), on: tape)
  var answers: [(logits: Tensor, target: Tensor)] = []
  for number in 1...plan.promptsPerScene {
    let draws = key.child(UInt64(number)), kind: PromptExample.Kind = draws.uniform(0) < 0.75 ? .mask : .click
    let example = PromptExample(scene, cells: sizes.lowResolution, kind, key: draws.child(0)), target = example.softTarget
    var logits = network.logits(embedding: embedding, mask: example.mask, points: example.points, on: tape)
    answers.append((logits, target))
    guard draws.uniform(1) < 0.25 else { continue }
    let next = example.next(after: logits, key: draws.child(1))
    logits = network.logits(embedding: embedding, mask: next.mask, points: next.points, on: tape)
    answers.append((logits, target))
  }
  return answers.flatMap { losses(of: $0.logits, $0.target, of: Double(answers.count), on: tape) }
}

/// Soft Dice, and cross entropy with a weight that makes up for a target being a hundredth of the cells.
private func losses(of logits: Tensor, _ target: Tensor, of answers: Double, on tape: Tape) -> [LossTerm] {
  [
    LossTerm("crossEntropy", tape.binaryCrossEntropy(logits, targets: target), weight: 5 / answers),
    LossTerm("dice", tape.softDiceLoss(tape.sigmoid(logits), targets: target), weight: 1 / answers),
  ]
}
