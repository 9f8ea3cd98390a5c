// Every operation with a pullback, one row each: a new operation adds a row and is checked by finite differences.
// Axes: B batch, D H W voxels, C channels, K classes.

import Kernels
import Learning
import Tensors
import Testing

/// An operation on example inputs. The checks reduce its output to a scalar by fixed random weights.
struct OperationRow: CustomTestStringConvertible, Sendable {
  let name: String
  /// Shapes of the tensors the operation takes; the gradient by each is checked.
  let inputs: [Shape]
  /// Shapes of its parameters.
  var parameters: [Shape] = []
  /// False where the derivative jumps (maximum, ReLU): inputs are then kept away from the jumps by spreading them.
  var smooth = true
  let result: @Sendable (Tape, [Tensor], [Parameter]) -> OperationResult

  var testDescription: String { name }
}

enum OperationResult {
  case tensor(Tensor)
  case scalar(Scalar)
}

private let voxelLabels: [UInt8] = (0..<48).map { UInt8(($0 * 7) % 3) }

private let someTarget = Tensor((0..<144).map { Float(RandomKey(6).uniform(UInt64($0))) }, shape: [1, 2, 4, 6, 3])

/// The transformers' are in TokenOperations.swift.
let operationTable = imageOperations + tokenOperations + guidanceOperations + semiSupervisedOperations

private let imageOperations: [OperationRow] = [
  OperationRow(name: "class score", inputs: [[2, 2, 3, 2, 3]]) { tape, x, _ in
    .scalar(tape.classScore(x[0], label: 1, voxels: [0, 5, 17, 23]))
  },
  OperationRow(name: "convolution 3x3x3", inputs: [[2, 4, 3, 5, 2]], parameters: [[3, 2, 3, 3, 3], [3]]) { tape, x, p in
    .tensor(tape.convolution(x[0], weight: p[0], bias: p[1], padding: [1, 1, 1]))
  },
  OperationRow(name: "convolution stride 2", inputs: [[1, 4, 4, 6, 2]], parameters: [[4, 2, 2, 2, 2]]) { tape, x, p in
    .tensor(tape.convolution(x[0], weight: p[0], stride: [2, 2, 2]))
  },
  OperationRow(name: "convolution 1x1x1", inputs: [[1, 2, 3, 4, 5]], parameters: [[3, 5, 1, 1, 1], [3]]) { tape, x, p in
    .tensor(tape.convolution(x[0], weight: p[0], bias: p[1]))
  },
  OperationRow(name: "instance normalisation", inputs: [[2, 3, 4, 4, 3]]) { tape, x, _ in
    .tensor(tape.instanceNormalization(x[0], slope: 1))
  },
  OperationRow(name: "instance normalisation, leaky ReLU", inputs: [[1, 3, 4, 4, 2]], smooth: false) { tape, x, _ in
    .tensor(tape.instanceNormalization(x[0], slope: 0.01))
  },
  OperationRow(
    name: "instance normalisation with weight and bias", inputs: [[2, 3, 4, 4, 3]], parameters: [[3], [3]]
  ) { tape, x, p in .tensor(tape.normalization(x[0], .ofSamples, affine: (p[0], p[1]), slope: 1)) },
  OperationRow(
    name: "instance normalisation with weight, bias and leaky ReLU", inputs: [[2, 3, 2, 2, 3]], parameters: [[3], [3]]
  ) { tape, x, p in .tensor(tape.normalization(x[0], .ofSamples, affine: (p[0], p[1]), slope: 0.01)) },
  OperationRow(
    name: "normalisation with a sum before the activation", inputs: [[1, 2, 3, 4, 2], [1, 2, 3, 4, 2]], parameters: [[2], [2]]
  ) { tape, x, p in
    .tensor(tape.normalization(x[0], .ofSamples, affine: (p[0], p[1]), slope: 0.01, adding: .beforeActivation(x[1])))
  },
  OperationRow(
    name: "batch normalisation with a sum after the activation", inputs: [[2, 3, 2, 4, 3], [2, 3, 2, 4, 3]],
    parameters: [[3], [3]]
  ) { tape, x, p in
    .tensor(
      tape.normalization(x[0], .ofBatch { _, _ in }, affine: (p[0], p[1]), slope: 1, adding: .afterActivation(x[1])))
  },
  OperationRow(
    name: "batch normalisation, ReLU and a sum", inputs: [[2, 2, 2, 3, 2], [2, 2, 2, 3, 2]], parameters: [[2], [2]]
  ) { tape, x, p in
    .tensor(
      tape.normalization(x[0], .ofBatch { _, _ in }, affine: (p[0], p[1]), slope: 0, adding: .afterActivation(x[1])))
  },
  OperationRow(name: "normalisation by fixed moments", inputs: [[2, 2, 3, 2, 2]], parameters: [[2], [2]]) {
    tape, x, p in
    let moments = ChannelMoments(mean: [0.3, -0.2], variance: [0.5, 2])
    return .tensor(tape.normalization(x[0], .fixed(moments), affine: (p[0], p[1]), slope: 0.01))
  },
  OperationRow(name: "patch convolution", inputs: [[2, 4, 2, 6, 3]], parameters: [[4, 3, 2, 1, 2], [4]]) { tape, x, p in
    .tensor(tape.patchConvolution(x[0], weight: p[0], bias: p[1]))
  },
  OperationRow(name: "transposed convolution", inputs: [[2, 2, 3, 2, 4]], parameters: [[4, 3, 1, 2, 2], [3]]) { tape, x, p in
    .tensor(tape.transposedConvolution(x[0], weight: p[0], bias: p[1]))
  },
  OperationRow(name: "max pooling", inputs: [[1, 4, 4, 2, 3]], smooth: false) { tape, x, _ in .tensor(tape.maxPooling(x[0])) },
  OperationRow(
    name: "joined convolution, trilinear", inputs: [[2, 4, 6, 2, 3], [2, 2, 3, 1, 2]], parameters: [[3, 5, 3, 3, 3], [3]]
  ) { tape, x, p in
    .tensor(tape.convolution(joining: [.same(x[0]), .upsampledTrilinear(x[1])], weight: p[0], bias: p[1]))
  },
  OperationRow(
    name: "joined convolution, nearest", inputs: [[1, 2, 3, 2, 2], [1, 2, 6, 4, 3]], parameters: [[4, 5, 3, 3, 3]]
  ) { tape, x, p in
    .tensor(tape.convolution(joining: [.upsampledNearest(x[0], factors: [1, 2, 2]), .same(x[1])], weight: p[0]))
  },
  OperationRow(name: "dropout", inputs: [[1, 3, 3, 3, 4]]) { tape, x, _ in
    .tensor(tape.dropout(x[0], probability: 0.3, key: RandomKey(5)))
  },
  OperationRow(name: "channel dropout", inputs: [[2, 2, 2, 2, 6]]) { tape, x, _ in
    .tensor(tape.channelDropout(x[0], probability: 0.5, key: RandomKey(5)))
  },
  OperationRow(name: "softmax", inputs: [[1, 2, 4, 6, 3]]) { tape, x, _ in .tensor(tape.softmax(x[0])) },
  OperationRow(name: "squared difference", inputs: [[1, 2, 4, 6, 3]]) { tape, x, _ in
    .scalar(tape.squaredDifference(tape.softmax(x[0]), to: someTarget))
  },
  OperationRow(name: "weighted squared difference", inputs: [[1, 2, 4, 6, 3]]) { tape, x, _ in
    let weights = Tensor((0..<48).map { Float($0 % 3) }, shape: [1, 2, 4, 6, 1])
    return .scalar(tape.squaredDifference(tape.softmax(x[0]), to: someTarget, weights: weights))
  },
  OperationRow(name: "Dice loss", inputs: [[1, 2, 4, 6, 3]]) { tape, x, _ in
    .scalar(tape.diceLoss(tape.softmax(x[0]), labels: voxelLabels))
  },
  OperationRow(name: "cross entropy", inputs: [[1, 2, 4, 6, 3]]) { tape, x, _ in
    .scalar(tape.crossEntropy(x[0], probabilities: tape.softmax(x[0]), labels: voxelLabels))
  },
  OperationRow(name: "overlap loss", inputs: [[2, 2, 2, 6, 3]]) { tape, x, _ in
    .scalar(tape.overlapLoss(tape.softmax(x[0]), labels: voxelLabels.map { $0 + ($0 / 2) }, LabelTargets(classes: 3)))
  },
  OperationRow(name: "overlap loss of regions", inputs: [[1, 2, 4, 6, 2]]) { tape, x, _ in
    .scalar(tape.overlapLoss(tape.sigmoid(x[0]), labels: voxelLabels, LabelTargets(regions: [[1, 2], [2]], labels: 3)))
  },
  OperationRow(name: "region cross entropy", inputs: [[1, 2, 4, 6, 2]]) { tape, x, _ in
    .scalar(tape.regionCrossEntropy(x[0], labels: voxelLabels, LabelTargets(regions: [[1, 2], [1]], labels: 2), terms: 40))
  },
]
