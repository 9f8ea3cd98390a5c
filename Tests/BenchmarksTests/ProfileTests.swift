// What a profile counts: every recorded operation, forward and backward, and nothing that no backward pass reached.

import Benchmarks
import Learning
import Networks
import Tensors
import Testing

@Suite struct ProfileTests {
  let labels = [UInt8](repeating: 1, count: 16 * 16 * 32)

  /// Forward and loss of a tiny network.
  func run(_ tape: Tape) throws -> Scalar {
    let network = try makeNetwork("unet3d", NetworkPlan(inputChannels: 1, classes: 2, options: ["base": "2"], seed: 1))
    let image = Tensor([Float](repeating: 0.5, count: labels.count), shape: [1, 16, 16, 32, 1])
    return tape.diceLoss(
      tape.softmax(network.logits(image, mode: .training(dropout: RandomKey(1)), on: tape)), labels: labels)
  }

  func calls(_ profile: Profile, _ pass: Profile.Pass) -> [String: Int] {
    profile.entries.filter { $0.kind.pass == pass }.reduce(into: [:]) { $0[$1.kind.operation, default: 0] += $1.calls }
  }

  @Test func everyRecordedOperationIsCountedForwardAndBackward() throws {
    let profile = Profile(), tape = Tape(profile: profile)
    let loss = try run(tape)
    let recorded = tape.operations.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
    #expect(recorded["convolution"] == 19 && recorded["diceLoss"] == 1)
    #expect(calls(profile, .forward) == recorded && calls(profile, .backward).isEmpty)
    tape.backward(from: [(loss, weight: 1)])
    #expect(calls(profile, .backward) == recorded)
    #expect(profile.entries.allSatisfy { $0.seconds > 0 && $0.bytes > 0 })
    #expect(profile.entries.allSatisfy { ($0.operations > 0) == ($0.kind.operation == "convolution") })
  }

  @Test func whatNoBackwardPassReachesIsNotCounted() throws {
    let profile = Profile(), tape = Tape(profile: profile)
    _ = try run(tape)
    tape.backward(from: [])
    #expect(calls(profile, .backward).isEmpty)
  }

  @Test func convolutionsCountMultiplyAddsAndBytes() {
    let profile = Profile(), tape = Tape(profile: profile)
    let weights = ParameterSet([ParameterSpecification("w", [3, 2, 3, 3, 3], .constant(1))], seed: 1)
    let y = tape.convolution(Tensor(zeros: [1, 4, 4, 4, 2]), weight: weights["w"], padding: [1, 1, 1])
    let z = tape.convolution(tape.variable(Tensor(zeros: [1, 4, 4, 4, 2])), weight: weights["w"], padding: [1, 1, 1])
    let terms = [y, z].map { value in
      let sum = tape.recordScalar("sum", inputs: [value], value: 0) { _ in tape.accumulate(Tensor(zeros: value.shape), for: value)
      }
      return (sum, weight: 1.0)
    }
    tape.backward(from: terms)
    let forward = profile.entries[0],
      backward = profile.entries.first { $0.kind.pass == .backward && $0.kind.operation == "convolution" }!
    let one = Double(2 * 64 * 2 * 3 * 27)
    #expect(forward.kind.shapes == "4x4x4x2 > 4x4x4x3")
    #expect(forward.calls == 2 && forward.operations == 2 * one)
    #expect(forward.bytes == Double(2 * 4 * (64 * 2 + 64 * 3 + 3 * 2 * 27)))
    #expect(backward.calls == 2 && backward.operations == 3 * one, "the image's gradient is not wanted")
  }
}
