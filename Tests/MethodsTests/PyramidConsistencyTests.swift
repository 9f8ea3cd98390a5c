// URPC against the published program (HiLab-git/SSL4MIS): the agreement of four heads, the whole loss and the gradient of each head's logits.

import Learning
import Methods
import Preparation
import TestSupport
import Tensors
import Testing

@Suite struct PyramidConsistencyTests {
  @Test(arguments: ["two", "three"]) func aStepIsTheOriginals(name: String) throws {
    let file = try GoldenFile(golden("urpc.safetensors")), tape = Tape(), known = try file.labels("\(name).labels")
    let logits = try (1...4).map { head in
      try file.samples("\(name).logits\(head)").map { tape.variable(Tensor($0.values, shape: Shape($0.shape))) }
    }
    let predictions = logits[0].indices.map { number in
      logits.map { head in
        Prediction(
          sample: Sample(identifier: "\(number)", draw: UInt64(number), label: nil), logits: head[number],
          probabilities: tape.softmax(head[number]))
      }
    }
    let step = Step(index: Int(try file.number("\(name).iteration")), total: 60_000, seed: 1)
    let epochs = Int(try file.number("\(name).ramp_epochs"))
    let weight = ConsistencyWeight(ramp: (epochSteps: 150, epochs: epochs)).at(step)
    try file.expect(weight, "\(name).consistency_weight")
    let supervised = supervisedHeads(Array(predictions[..<known.count]), labels: known, at: step, on: tape)
    try file.expect(LossTerms(supervised).total, "\(name).supervised_loss")
    let agreement = pyramidTerms(Array(predictions[known.count...]), weight: weight, on: tape)
    try file.expect(agreement[0].scalar.value, "\(name).consistency_loss")
    let terms = supervised + agreement
    try file.expect(LossTerms(terms).total, "\(name).loss")
    tape.backward(from: terms.map { ($0.scalar, weight: $0.weight) })
    for head in 0..<4 {
      for (logits, expected) in zip(logits[head], try file.samples("\(name).gradient\(head + 1)")) {
        #expect(relativeNorm(try #require(tape.gradient(of: logits)).values, expected.values) < 2e-5, "head \(head)")
      }
    }
  }

  @Test func oneHeadIsRefused() throws {
    #expect { try makeMethod("urpc", MethodTests().plan("urpc", isHeaded: false)) } throws: { "\($0)".contains("several heads") }
  }
}
