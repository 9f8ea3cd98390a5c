// MagicNet against the published program (DeepMed-Lab-ECNU/MagicNet), with a network of few weights in place of V-Net: pseudo-labels, counts, every term and
// the gradient of every weight, with cubes put together as the program does it and in place; and patches that cannot be cut.

import Foundation
import Learning
import Methods
import Preparation
import TestSupport
import Tensors
import Testing

/// Features tanh(a x + b) of each voxel, and linear heads on them and on the voxels of a cube.
private struct PointwiseNetwork: CubeNetwork {
  let parameters: ParameterSet

  init(_ file: GoldenFile, _ owner: String) throws {
    let shapes: [(String, Shape)] = [
      ("a", [16, 1]), ("b", [16]), ("head_weight", [4, 16]), ("head_bias", [4]), ("location_weight", [27, 64]),
      ("location_bias", [27]),
    ]
    parameters = ParameterSet(shapes.map { ParameterSpecification($0, $1, .constant(0)) }, seed: 1)
    // The teacher has no head that locates cubes.
    parameters.load(
      try shapes.flatMap { name, shape in
        let isMissing = owner == "teacher" && name.hasPrefix("location")
        return isMissing ? [Float](repeating: 0, count: shape.count) : try #require(file.tensors["\(owner).\(name)"]).floats
      })
  }

  func embedded(_ images: Tensor, on tape: Tape) -> Tensor {
    tape.tanh(tape.linear(images, weight: parameters["a"], bias: parameters["b"]))
  }
  func classified(_ embedding: Tensor, on tape: Tape) -> Tensor {
    tape.linear(embedding, weight: parameters["head_weight"], bias: parameters["head_bias"])
  }
  func encoded(_ cubes: Tensor, on tape: Tape) -> [Tensor] { [cubes] }
  func located(_ levels: [Tensor], on tape: Tape) -> Tensor {
    let flat = tape.reshaped(levels[0], [27, 1, 1, 1, 64])
    return tape.linear(flat, weight: parameters["location_weight"], bias: parameters["location_bias"])
  }
  func embeddedCubes(_ levels: [Tensor], on tape: Tape) -> Tensor { embedded(levels[0], on: tape) }
}

@Suite struct MagicNetTests {
  private let file: GoldenFile

  init() throws { file = try GoldenFile(golden("magicnet.safetensors")) }

  private func tensors(_ name: String) throws -> [Tensor] {
    try file.samples(name).map { Tensor($0.values, shape: Shape($0.shape)) }
  }

  @Test(arguments: [("blend", CubeOrder.released), ("early", .released), ("blend_cubes_in_place", .inPlace)])
  func aStepIsTheOriginals(name: String, order: CubeOrder) throws {
    let reasoning = CubeReasoning(grid: try #require(CubeGrid([12, 12, 12], count: 3)), order: order), tape = Tape()
    let student = try PointwiseNetwork(file, "student"), teacher = try PointwiseNetwork(file, "teacher")
    let images = try tensors("volume"), quiet = Tape(recording: false), iteration = Int(try file.number("\(name).iteration"))
    let before = try JSONDecoder().decode([Float].self, from: Data(try #require(file.texts["\(name).class_counts_before"]).utf8))
    let frequencies = ClassFrequencies(classes: 4, counts: before)
    let pseudo = try zip(tensors("\(name).teacher_input"), images[2...]).map { noisy, image in
      let said = teacher.classified(teacher.embedded(noisy, on: quiet), on: quiet)
      if name == "early" { return argmaxLabels(said.values, classes: 4) }
      let cubes = reasoning.logitsOfCubes(student, reasoning.encoded(student, image, on: quiet), on: quiet)
      return blendedLabels(teacher: said, cubes: cubes, weights: frequencies.weights)
    }
    if name == "early" {
      #expect(pseudo == (try file.labels("early.teacher_class")))
    } else {
      #expect(pseudo == (try file.labels("\(name).pseudo_label")))
      let weights = try #require(file.tensors["\(name).blend_weight_of_class"]).floats
      #expect(relativeNorm(frequencies.weights, weights) < 1e-6)
      let within = name == "blend" ? try file.samples("blend.within_logits") : []
      for (image, expected) in zip(images, within) {
        let cubes = reasoning.logitsOfCubes(student, reasoning.encoded(student, image, on: quiet), on: quiet)
        #expect(relativeNorm(cubes.values, expected.values) < 2e-5)
      }
    }
    frequencies.add((0..<4).map { label in Double(pseudo.joined().count { $0 == label }) }, at: iteration)
    #expect(frequencies.values == (try #require(file.tensors["\(name).class_counts_after"])).floats)

    let weight = ConsistencyWeight(ramp: (epochSteps: 350, epochs: 200)).at(Step(index: iteration, total: 70_000, seed: 1))
    try file.expect(weight, "\(name).consistency_weight")
    let partition = try #require(file.tensors["\(name).partition"]).floats.map { Int($0) }
    let terms = reasoning.terms(
      student, images: images, labels: try file.labels("labels"), pseudoLabels: pseudo, partition: partition, weight: weight,
      on: tape
    ).terms
    let values = Dictionary(uniqueKeysWithValues: LossTerms(terms).byName.map { ($0.name, $0.group.value) })
    for (own, original) in [
      ("crossEntropy", "loss_seg"), ("dice", "loss_seg_dice"), ("mixedDice", "loss_unmix_dice"),
      ("cubeDice", "loss_lab_local_dice"),
      ("place", "loc_loss"), ("consistency", "consistency_loss"),
    ] { try file.expect(try #require(values[own]), "\(name).\(original)") }
    try file.expect(LossTerms(terms).total, "\(name).loss")
    tape.backward(from: terms.map { ($0.scalar, weight: $0.weight) })
    for parameter in student.parameters.parameters {
      let expected = try #require(file.tensors["\(name).gradient.\(parameter.name)"]).floats
      #expect(relativeNorm(parameter.gradient.values, expected) < 2e-5, "\(parameter.name)")
    }
  }

  /// Counts of a window act from the step after its end on; those of other windows are gone.
  @Test func countsReplaceEachOther() {
    let frequencies = ClassFrequencies(classes: 2)
    for step in 0...20 { frequencies.add([3, 1], at: step) }
    #expect(frequencies.values == [60, 20] && frequencies.weights == [1, Float(20) / 60])
    frequencies.add([0, 5], at: 21)
    #expect(frequencies.values == [60, 20])
  }

  @Test func patchesThatCannotBeCutAreRefused() throws {
    func refusal(_ patch: [Int], _ cubes: Int) -> String {
      do {
        var plan = try MethodTests().plan("magicnet", ["cubes": "\(cubes)"])
        plan.patch = patch
        _ = try makeMethod("magicnet", plan)
        return ""
      } catch { return "\(error)" }
    }
    #expect(refusal([32, 32, 64], 3).contains("do not divide the patch 32x32x64"))
    #expect(refusal([64, 48, 64], 2).contains("the height 24 is not divisible by 16"))
    #expect(refusal([32, 32, 32], 2).contains("a single voxel"))
    #expect(refusal([32, 32, 64], 2) == "")
    #expect { try makeMethod("magicnet", MethodTests().plan("magicnet", isHeaded: true)) } throws: {
      "\($0)".contains("unet3d or vnet")
    }
  }
}
