// SS-Net against the published program (ycwu1997/SS-Net), with a network of few weights in place of V-Net: what is remembered, every term and the gradient of
// every weight; and the memory of several lanes.

import Learning
import Methods
import Preparation
import TestSupport
import Tensors
import Testing

@Suite struct SSNetTests {
  private let file: GoldenFile

  init() throws { file = try GoldenFile(golden("ssnet.safetensors")) }

  private func parameters(_ names: [String]) throws -> ParameterSet {
    let arrays = try names.map { ($0, try #require(file.tensors["model.\($0)"])) }
    let set = ParameterSet(
      arrays.map { name, array in
        ParameterSpecification(name, Shape(name == "a" ? array.shape + [1] : array.shape), .constant(0))
      }, seed: 1)
    set.load(arrays.flatMap { $0.1.floats })
    return set
  }

  private func tensors(_ name: String) throws -> [Tensor] {
    try file.samples(name).map { Tensor($0.values, shape: Shape($0.shape)) }
  }

  @Test func aStepIsTheOriginals() throws {
    let weights = try parameters(["a", "b", "head_weight", "head_bias"]), tape = Tape()
    func embedding(_ image: Tensor, _ tape: Tape) -> Tensor {
      tape.tanh(tape.linear(image, weight: weights["a"], bias: weights["b"]))
    }
    func classified(_ embedding: Tensor, _ tape: Tape) -> Tensor {
      tape.linear(embedding, weight: weights["head_weight"], bias: weights["head_bias"])
    }
    let images = try tensors("volume"), labels = try file.labels("labels")
    let predictions = images.enumerated().map { number, image in
      let features = embedding(image, tape), logits = classified(features, tape)
      return Prediction(
        sample: Sample(identifier: "\(number)", draw: 0, label: number < labels.count ? labels[number] : nil), logits: logits,
        probabilities: tape.softmax(logits), features: [.dec1: features])
    }
    let classes = predictions[0].logits.shape.channels
    let separation = ClassSeparation(inputs: weights["b"].shape.count, classes: classes, seed: 1)
    separation.parameters.load(
      try separation.parameters.parameters.flatMap { try #require(file.tensors["model.\($0.name)"], "\($0.name)").floats })

    let memory = ClassMemory(classes: classes), known = Array(predictions[..<labels.count])
    memory.take(try separation.found(in: known))
    for label in 1..<classes {
      let expected = try #require(file.tensors["memory\(label)"]).floats, all = memory.features.values
      let own = all[(label - 1) * all.count / (classes - 1)..<label * all.count / (classes - 1)]
      #expect(
        relativeNorm(Array(own.prefix(expected.count)), expected) < 2e-5 && own.dropFirst(expected.count).allSatisfy { $0 == 0 })
    }

    let iteration = Int(try file.number("iteration"))
    let weight = ConsistencyWeight(highest: 1, ramp: (epochSteps: 150, epochs: 40)).at(
      Step(index: iteration, total: 15_000, seed: 1))
    try file.expect(weight, "consistency_weight")
    let noise = try tensors("uniform_noise").map { Tensor($0.values.map { $0 - 0.5 }, shape: $0.shape) }
    let terms = smoothSeparateTerms(
      predictions, labels: labels, noise: noise, images: images, separation: separation, memory: memory, weight: weight, on: tape
    ) { images, tape in images.map { tape.softmax(classified(embedding($0, tape), tape)) } }
    let values = Dictionary(uniqueKeysWithValues: LossTerms(terms).byName.map { ($0.name, $0.group) })
    func value(_ name: String) throws -> Double { try #require(values[name]).value }
    // The mean over the classes but background, against a sum divided by all.
    let share = Double(classes - 1) / Double(classes)
    try file.expect(try value("dice"), "loss_seg_dice")
    try file.expect(try value("smoothness"), "loss_lds", within: 1e-3)
    try file.expect(share * (try value("separation")), "loss_contr_labeled")
    try file.expect(share * (try value("pseudoSeparation")), "loss_contr_unlabeled")
    try file.expect(LossTerms(terms).total, "loss", within: 1e-3)
    weights.clearGradients()
    tape.backward(from: terms.map { ($0.scalar, weight: $0.weight) })
    for parameter in weights.parameters + separation.parameters.parameters {
      let expected = try #require(file.tensors["gradient.\(parameter.name)"]).floats
      // A normalisation takes away the biases before it: rounding is left of them.
      if parameter.name.contains(/projection_head\.3\.bias|\.0\.bias/) { continue }
      #expect(relativeNorm(parameter.gradient.values, expected) < 1e-3, "\(parameter.name)")
    }
  }

  /// Place by place the mean over the lanes that found something; a class that no lane found stays.
  @Test func lanesShareOneMemory() {
    let places = 32, width = 32, entry = places * (width + 1)
    func found(_ rows: Int, of value: Double) -> [Double] {
      (0..<places).flatMap { place in
        [Double](repeating: place < rows ? value : 0, count: width) + [place < rows ? 1 : 0]
      }
    }
    let memory = ClassMemory(classes: 3), nothing = [Double](repeating: 0, count: entry)
    memory.take(found(3, of: 5) + found(1, of: 7))
    memory.take(zip(found(2, of: 1), found(1, of: 3)).map { $0 + $1 } + nothing)
    func place(_ number: Int) -> Float { memory.features.values[number * width] }
    #expect([place(0), place(1), place(2), place(places)] == [2, 1, 0, 7])
  }
}
