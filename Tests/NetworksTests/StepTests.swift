// One training step of every network at a width at which all fast kernels take part: the same bits on every run, and on a lean tape.

import Learning
import Networks
import Tensors
import Testing

@Suite(.serialized) struct StepTests {
  static let networks: [(name: String, options: [String: String])] = [
    ("unet3d", [:]), ("vnet", [:]), ("vnet", ["norm": "instance"]), ("stunet", ["depth": "2"]),
    ("plainconvunet", ["widths": "16,32,64,128", "strides": "1,2,2;2,2,2;2,2,2", "kernels": "1,3,3;3,3,3;3,3,3;3,3,3"]),
  ]
  let size = [32, 32, 64]

  /// The gradients of Dice and cross entropy on a random volume.
  func gradients(_ network: any Network, memory: TapeMemory) -> [Float] {
    let key = RandomKey(11), voxels = size.reduce(1, *)
    let x = Tensor((0..<voxels).map { Float(key.gaussian(UInt64($0))) }, shape: Shape([1] + size + [1]))
    let labels = (0..<voxels).map { UInt8($0 / 7 % 2) }
    let tape = Tape(memory: memory)
    let logits = network.logits(x, mode: .training(dropout: RandomKey(12)), on: tape), p = tape.softmax(logits)
    let terms = [tape.diceLoss(p, labels: labels), tape.crossEntropy(logits, probabilities: p, labels: labels)]
    for set in network.state { set.clearGradients() }
    tape.backward(from: terms.map { ($0, weight: 0.5) })
    return network.state.flatMap(\.gradients.values)
  }

  func make(_ name: String, _ options: [String: String]) throws -> any Network {
    try makeNetwork(name, NetworkPlan(inputChannels: 1, classes: 2, options: options, seed: 5))
  }

  @Test(arguments: networks) func bitsAreTheSameOnEveryRunAndOnALeanTape(name: String, options: [String: String]) throws {
    let first = gradients(try make(name, options), memory: .standard)
    #expect(first.contains { $0 != 0 } && first.allSatisfy { $0.isFinite })
    for memory in [TapeMemory.standard, .lean] {
      let isSame = gradients(try make(name, options), memory: memory) == first
      #expect(isSame, "\(memory)")
    }
  }
}
