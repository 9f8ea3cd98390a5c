// Finite differences on every row of the operation table, and losses that share a tape.

import Learning
import Tensors
import TestSupport
import Testing

@Suite struct GradientTests {
  @Test(arguments: operationTable) func finiteDifferencesAgree(row: OperationRow) {
    let shapes = row.inputs + row.parameters
    let values = shapes.enumerated().map { index, shape in
      let key = RandomKey(UInt64(100 + index))
      if row.smooth { return (0..<shape.count).map { Float(key.gaussian(UInt64($0))) } }
      // Distinct multiples of 0.37 in hashed order: no two values within a step of each other.
      let order = (0..<shape.count).sorted { key.hash(UInt64($0)) < key.hash(UInt64($1)) }
      return order.map { Float($0 - shape.count / 2) * 0.37 / Float(shape.count).squareRoot() }
    }
    let disagreement = gradientDisagreement(
      values, step: 4e-3, value: { run(row, $0).value }, gradients: { run(row, $0, differentiate: true).gradients })
    #expect(disagreement < 1e-2, "\(row.name): \(disagreement)")
  }

  /// The row's output reduced to Σ weight · output by a fixed linear form, and the gradients by inputs and parameters.
  func run(_ row: OperationRow, _ values: [[Float]], differentiate: Bool = false) -> (value: Double, gradients: [[Float]]) {
    let tape = Tape()
    let inputs = row.inputs.enumerated().map { tape.variable(Tensor(values[$0], shape: $1)) }
    let parameters = row.parameters.enumerated().map { index, shape in
      let set = ParameterSet([ParameterSpecification("p\(index)", shape, .constant(0))], seed: 1)
      set.load(values[row.inputs.count + index])
      return (set, set.parameters[0])
    }
    let scalar: Scalar
    switch row.result(tape, inputs, parameters.map(\.1)) {
    case .scalar(let result): scalar = result
    case .tensor(let output):
      let weights = Tensor((0..<output.count).map { Float(RandomKey(9).gaussian(UInt64($0))) }, shape: output.shape)
      let value = zip(output.values, weights.values).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      scalar = tape.recordScalar("linear form", inputs: [output], value: value) { seed in
        tape.accumulate(Tensor(weights.values.map { Float(seed) * $0 }, shape: output.shape), for: output)
      }
    }
    guard differentiate else { return (scalar.value, []) }
    tape.backward(from: [(scalar, weight: 1)])
    return (scalar.value, inputs.map { tape.gradient(of: $0)!.values } + parameters.map { $0.0.gradients.values })
  }

  @Test func aTapeCanRunABackwardPassForEachTerm() {
    let tape = Tape()
    let x = tape.variable(Tensor([0.3, -0.2, 1, 0.5, 0.1, 0.9], shape: [1, 1, 1, 2, 3]))
    let p = tape.softmax(x)
    let a = tape.diceLoss(p, labels: [0, 2]), b = tape.crossEntropy(x, probabilities: p, labels: [0, 2])
    tape.backward(from: [(a, weight: 1)], keepRecords: true)
    let first = tape.takeGradient(of: x)!.values
    tape.backward(from: [(b, weight: 1)], keepRecords: true)
    let second = tape.takeGradient(of: x)!.values
    tape.backward(from: [(a, weight: 2), (b, weight: 3)])
    let both = tape.takeGradient(of: x)!.values
    for i in both.indices { #expect(abs(both[i] - (2 * first[i] + 3 * second[i])) < 1e-6) }
  }
}
