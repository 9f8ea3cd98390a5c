// The rows of the operation table for transformers and the losses of one foreground class. Axes: B batch, N M tokens, E channels.

import Kernels
import Learning
import Tensors

/// Fixed numbers in 0...1.
private func targets(_ shape: Shape) -> Tensor {
  Tensor((0..<shape.count).map { Float(RandomKey(6).uniform(UInt64($0))) }, shape: shape)
}

let tokenOperations: [OperationRow] = [
  OperationRow(name: "linear", inputs: [[2, 5, 7]], parameters: [[6, 7], [6]]) { tape, x, p in
    .tensor(tape.linear(x[0], weight: p[0], bias: p[1]))
  },
  OperationRow(name: "linear without bias, many rows", inputs: [[1, 40, 3]], parameters: [[4, 3]]) { tape, x, p in
    .tensor(tape.linear(x[0], weight: p[0], bias: nil))
  },
  OperationRow(name: "layer normalisation", inputs: [[2, 3, 21]], parameters: [[21], [21]]) { tape, x, p in
    .tensor(tape.layerNormalization(x[0], gain: p[0], bias: p[1], epsilon: 1e-6))
  },
  OperationRow(name: "layer normalisation of channels", inputs: [[1, 2, 3, 2, 4]], parameters: [[4], [4]]) { tape, x, p in
    .tensor(tape.layerNormalization(x[0], gain: p[0], bias: p[1], epsilon: 1e-2))
  },
  OperationRow(name: "GELU", inputs: [[2, 5, 4]]) { tape, x, _ in .tensor(tape.gelu(x[0])) },
  OperationRow(name: "ReLU", inputs: [[2, 5, 4]], smooth: false) { tape, x, _ in
    // Off the grid of the inputs, on which zero lies.
    let shift = Tensor([Float](repeating: 0.02, count: x[0].count), shape: x[0].shape)
    return .tensor(tape.relu(tape.sum(x[0], shift)))
  },
  OperationRow(name: "sigmoid", inputs: [[2, 5, 4]]) { tape, x, _ in .tensor(tape.sigmoid(x[0])) },
  OperationRow(name: "sum", inputs: [[2, 5, 4], [2, 5, 4]]) { tape, x, _ in .tensor(tape.gelu(tape.sum(x[0], x[1]))) },
  OperationRow(name: "sum with itself", inputs: [[2, 5, 4]]) { tape, x, _ in .tensor(tape.gelu(tape.sum(x[0], x[0]))) },
  OperationRow(name: "sum with a table", inputs: [[5, 3, 4]], parameters: [[1, 3, 4]]) { tape, x, p in
    .tensor(tape.gelu(tape.sum(x[0], p[0])))
  },
  OperationRow(name: "attention", inputs: [[2, 5, 6], [2, 7, 6], [2, 7, 6]]) { tape, x, _ in
    .tensor(tape.attention(queries: x[0], keys: x[1], values: x[2], heads: 2))
  },
  OperationRow(name: "self-attention in several blocks", inputs: [[1, 70, 4]]) { tape, x, _ in
    .tensor(tape.attention(queries: x[0], keys: x[0], values: x[0], heads: 1))
  },
  OperationRow(name: "joined tokens", inputs: [[2, 1, 3], [2, 4, 3], [2, 2, 3]]) { tape, x, _ in
    .tensor(tape.gelu(tape.joinedTokens(x)))
  },
  OperationRow(name: "tokens", inputs: [[2, 5, 3]]) { tape, x, _ in
    .tensor(tape.gelu(tape.sum(tape.tokens(x[0], 1..<3), tape.tokens(x[0], 3..<5))))
  },
  OperationRow(name: "value of a parameter", inputs: [], parameters: [[2, 3]]) { tape, _, p in
    let token = tape.value(of: p[0], shape: [1, 2, 3])
    return .tensor(tape.joinedTokens([token, tape.gelu(token)]))
  },
  OperationRow(name: "products", inputs: [[2, 3, 4], [2, 10, 4]]) { tape, x, _ in .tensor(tape.products(x[0], x[1])) },
  OperationRow(name: "reshaped", inputs: [[2, 3, 4]]) { tape, x, _ in .tensor(tape.gelu(tape.reshaped(x[0], [1, 2, 3, 2, 2]))) },
  OperationRow(name: "binary cross entropy", inputs: [[1, 2, 3, 4, 1]]) { tape, x, _ in
    .scalar(tape.binaryCrossEntropy(x[0], targets: targets(x[0].shape)))
  },
  OperationRow(name: "soft Dice loss", inputs: [[1, 2, 3, 4, 1]]) { tape, x, _ in
    .scalar(tape.softDiceLoss(tape.sigmoid(x[0]), targets: targets(x[0].shape)))
  },
  OperationRow(
    name: "relative attention", inputs: [[2, 3, 3, 3, 24]], parameters: [[5, 4], [5, 4], [5, 4], [24]]
  ) { tape, x, p in
    .tensor(tape.relativeAttention(x[0], positions: positions(p), bias: p[3], heads: 2))
  },
  OperationRow(
    name: "relative attention in a padded window", inputs: [[1, 2, 2, 2, 24]], parameters: [[5, 4], [5, 4], [5, 4], [24]]
  ) { tape, x, p in
    .tensor(tape.relativeAttention(x[0], positions: positions(p), bias: p[3], heads: 2))
  },
]

private func positions(_ p: [Parameter]) -> RelativePositions<Parameter> {
  RelativePositions(depth: p[0], height: p[1], width: p[2])
}
