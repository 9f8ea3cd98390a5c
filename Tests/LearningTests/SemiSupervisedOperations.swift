// The operations of semi-supervised methods, for the table of operations: crops cut and put together, samples in another order, features disturbed,
// probabilities from distances, entropies. Axes: B batch, D H W voxels, C channels, K classes.

import Learning
import Tensors

private let halves = CubeGrid([4, 2, 6], count: 2)!

let semiSupervisedOperations: [OperationRow] = [
  OperationRow(name: "hyperbolic tangent", inputs: [[1, 2, 3, 4, 2]]) { tape, x, _ in .tensor(tape.tanh(x[0])) },
  OperationRow(name: "product with factors of one sample", inputs: [[2, 2, 3, 2, 2]]) { tape, x, _ in
    .tensor(tape.product(x[0], Tensor((0..<24).map { Float($0) / 20 }, shape: [1, 2, 3, 2, 2])))
  },
  OperationRow(name: "samples in another order", inputs: [[3, 2, 1, 2, 2]]) { tape, x, _ in
    .tensor(tape.gathered(x[0], [2, 0, 2, 1]))
  },
  OperationRow(name: "crops cut into cubes", inputs: [[2, 4, 2, 6, 2]]) { tape, x, _ in .tensor(tape.cut(x[0], halves)) },
  OperationRow(name: "cubes put together", inputs: [[16, 2, 1, 3, 2]]) { tape, x, _ in .tensor(tape.tiled(x[0], halves)) },
  OperationRow(name: "probabilities from distances", inputs: [[2, 2, 3, 4, 1]]) { tape, x, _ in
    .tensor(tape.insideProbabilities(ofDistance: x[0], sharpness: 3))
  },
  OperationRow(name: "weighted entropy", inputs: [[1, 2, 2, 3, 3]]) { tape, x, _ in
    .scalar(tape.weightedEntropy(tape.softmax(x[0]), weights: Tensor((0..<12).map { Float($0 % 3) }, shape: [1, 2, 2, 3, 1])))
  },
  OperationRow(name: "Dice loss without background", inputs: [[1, 2, 4, 6, 3]]) { tape, x, _ in
    .scalar(tape.diceLoss(tape.softmax(x[0]), labels: (0..<48).map { UInt8(($0 * 7) % 3) }, countsBackground: false))
  },
  OperationRow(name: "overlap loss with background", inputs: [[2, 2, 2, 6, 3]]) { tape, x, _ in
    let labels = (0..<48).map { UInt8(($0 * 7) % 4) }
    return .scalar(tape.overlapLoss(tape.softmax(x[0]), labels: labels, LabelTargets(classes: 3, scoresBackground: true)).plus(1))
  },
  OperationRow(name: "disagreement of distributions", inputs: [[2, 2, 2, 6, 3]]) { tape, x, _ in
    let other = Tensor((0..<144).map { Float($0 % 5) / 9 }, shape: [2, 2, 2, 6, 3])
    return .scalar(tape.disagreement(tape.softmax(x[0]), from: other))
  },
  OperationRow(name: "separation from a direction", inputs: [[7, 1, 1, 1, 3], [7, 1, 1, 1, 1]]) { tape, x, _ in
    .scalar(tape.separation(x[0], scores: x[1], from: [0.4, -0.7, 0.1]))
  },
]
