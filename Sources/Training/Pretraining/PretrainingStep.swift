// What one lane does in one step of a pretraining: a scene is encoded once and several prompts are answered, some of them in two rounds.

import Foundation
import Learning
import Networks
import Preparation
import Tensors

/// The losses of a lane, and their sum.
struct LaneLoss {
  var terms: [(Scalar, weight: Double)] = []
  var value: Double { terms.reduce(0) { $0 + $1.0.value * $1.weight } }
}

/// The loss of one scene. A function of (seed, lane, step) and the weights.
///
/// Of the answers three fifths are to a mask, one fifth to a click, one fifth to an answer before, with or without a new click. The loss is
/// taken on the low-resolution grid, against the share of each cell that is target: the network computes no finer logits, a trilinear
/// enlargement of soft cells keeps the boundary within a voxel, and it costs an eighth.
func pretrainingLoss(_ network: SAMMed3D, _ plan: PretrainingPlan, lane: Int, step: Int, on tape: Tape) -> LaneLoss {
  let key = RandomKey(seed: plan.seed, volume: "scene of lane \(lane)", draw: UInt64(step), stream: RandomStream.pretraining)
  let scene = PromptableScene(key.child(0), side: plan.network.imageSize)
  let embedding = network.embedding(Tensor(scene), on: tape)
  var loss = LaneLoss(), answers = 0
  for number in 1...plan.promptsPerScene {
    let own = key.child(UInt64(number)), kind: PromptExample.Kind = own.uniform(0) < 0.75 ? .mask : .click
    let example = PromptExample(scene, cells: plan.network.lowResolution, kind, key: own.child(0)), target = example.softTarget
    var logits = network.logits(embedding: embedding, mask: example.mask, points: example.points, on: tape)
    loss.add(logits, target, on: tape)
    answers += 1
    guard own.uniform(1) < 0.25 else { continue }
    let next = example.next(after: logits, key: own.child(1))
    logits = network.logits(embedding: embedding, mask: next.mask, points: next.points, on: tape)
    loss.add(logits, target, on: tape)
    answers += 1
  }
  loss.terms = loss.terms.map { ($0.0, $0.weight / Double(answers)) }
  return loss
}

extension LaneLoss {
  /// Soft Dice, and cross entropy with a weight that makes up for a target being a hundredth of the cells.
  fileprivate mutating func add(_ logits: Tensor, _ target: Tensor, on tape: Tape) {
    terms.append((tape.binaryCrossEntropy(logits, targets: target), 5))
    terms.append((tape.softDiceLoss(tape.sigmoid(logits), targets: target), 1))
  }
}
