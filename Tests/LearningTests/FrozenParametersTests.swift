// Frozen parameters: gradients pass by them and never reach them.

import Learning
import Tensors
import Testing

@Suite struct FrozenParametersTests {
  /// A 1x1x1 convolution of two channels by a trained or a frozen weight.
  func convolved(_ x: Tensor, by table: some ParameterTable, on tape: Tape) -> Tensor {
    tape.convolution(x, weight: table["w"], bias: nil)
  }

  @Test func inputsGetTheSameGradientAsThroughATrainedParameter() {
    let set = ParameterSet([ParameterSpecification("w", [2, 2, 1, 1, 1], .gaussian(standardDeviation: 1))], seed: 3)
    let frozen = FrozenParameters([("w", set["w"].value)])
    var gradients: [[Float]] = [], ready: [[String]] = []
    for table in [set, frozen] as [any ParameterTable] {
      let tape = Tape()
      let x = tape.variable(Tensor([1, -2, 3, 4], shape: [1, 1, 1, 2, 2])), y = convolved(x, by: table, on: tape)
      let sum = tape.recordScalar("sum", inputs: [y], value: 0) { seed in
        tape.accumulate(Tensor([Float](repeating: Float(seed), count: 4), shape: y.shape), for: y)
      }
      var names: [String] = []
      tape.backward(from: [(sum, weight: 1)]) { names.append($0.name) }
      gradients.append(tape.gradient(of: x)!.values)
      ready.append(names)
    }
    #expect(gradients[0] == gradients[1] && ready == [["w"], []])
    #expect(set["w"].gradient.values.contains { $0 != 0 } && frozen["w"].gradient.count == 0)
  }

  @Test func nothingIsRecordedForAFrozenParameter() {
    let tape = Tape(), frozen = FrozenParameters([("w", Tensor([1, 2, 3, 4], shape: [2, 2, 1, 1, 1]))])
    let y = convolved(Tensor([1, 1], shape: [1, 1, 1, 1, 2]), by: frozen, on: tape)
    #expect(y.values == [3, 7] && tape.operations.isEmpty && frozen.names == ["w"])
  }

  @Test func aNameGivenTwiceIsRefused() async {
    await #expect(processExitsWith: .failure) {
      let tensor = Tensor(zeros: [1])
      _ = FrozenParameters([("w", tensor), ("w", tensor)])
    }
  }
}
