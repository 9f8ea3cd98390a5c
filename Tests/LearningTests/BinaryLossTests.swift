// The losses of one foreground class against PyTorch 2.15 in Float64.

import Learning
import Tensors
import Testing

@Suite struct BinaryLossTests {
  let logits: [Float] = [-80, -2, 0, 0.5, 3, 90], targets: [Float] = [0, 0.25, 1, 0.5, 1, 0.75]

  @Test func binaryCrossEntropyIsPyTorchsAndStaysFinite() {
    let tape = Tape()
    let z = tape.variable(Tensor(logits, shape: [1, 1, 1, 6, 1]))
    let loss = tape.binaryCrossEntropy(z, targets: Tensor(targets, shape: z.shape))
    #expect(abs(loss.value - 4.098789921226128) < 1e-6)
    tape.backward(from: [(loss, weight: 1)])
    let expected: [Float] = [3.008e-36, -0.021799513, -0.083333333, 0.020409889, -0.0079043122, 0.041666667]
    for (found, expected) in zip(tape.gradient(of: z)!.values, expected) { #expect(abs(found - expected) < 1e-7) }
  }

  @Test func softDiceLossGolden() {
    let tape = Tape()
    let p = tape.sigmoid(Tensor(logits, shape: [1, 1, 1, 6, 1]))
    #expect(abs(tape.softDiceLoss(p, targets: Tensor(targets, shape: p.shape)).value - 0.06382936219308077) < 1e-6)
    let nothing = Tensor([0, 0], shape: [1, 2])
    #expect(tape.softDiceLoss(nothing, targets: nothing).value == 0)
  }

  @Test func aTransformerLeavesNoRecordForInference() {
    let set = ParameterSet(
      [
        ParameterSpecification("w", [4, 4], .uniform(bound: 1)), ParameterSpecification("b", [4], .constant(1)),
        ParameterSpecification("table", [1, 3, 4], .uniform(bound: 1)),
      ], seed: 1)
    let tape = Tape(recording: false)
    let x = tape.sum(tape.value(of: set["table"], shape: [1, 3, 4]), set["table"])
    let h = tape.layerNormalization(
      tape.linear(x, weight: set["w"], bias: set["b"]), gain: set["b"], bias: set["b"], epsilon: 1e-5)
    let y = tape.sum(x, tape.gelu(tape.attention(queries: h, keys: x, values: x, heads: 2)))
    _ = tape.products(tape.tokens(y, 0..<1), tape.joinedTokens([tape.relu(y), tape.reshaped(y, [1, 3, 4])]))
    #expect(tape.operations.isEmpty)
  }
}
