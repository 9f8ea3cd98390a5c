// BCP against the published program (DeepMed-Lab-ECNU/BCP): mixtures, labels of the largest part, terms and gradients of both phases, and its refusals.

import Learning
import Methods
import Preparation
import TestSupport
import Tensors
import Testing

@Suite struct CopyPasteTests {
  private let file: GoldenFile

  init() throws { file = try GoldenFile(golden("bcp.safetensors")) }

  /// The box of a mask that is 0 inside of it.
  private func box(_ name: String) throws -> CopyPasteBox {
    let mask = try #require(file.tensors[name]), shape = mask.shape
    let inside = mask.floats.indices.filter { mask.floats[$0] == 0 }
    let places = inside.map { [$0 / (shape[1] * shape[2]), $0 / shape[2] % shape[1], $0 % shape[2]] }
    let start = (0..<3).map { axis in places.map { $0[axis] }.min()! }
    let size = (0..<3).map { axis in places.map { $0[axis] }.max()! - start[axis] + 1 }
    try #require(size.reduce(1, *) == inside.count)
    return CopyPasteBox(in: shape, start: start, size: size)
  }

  private func tensors(_ name: String) throws -> [Tensor] {
    try file.samples(name).map { Tensor($0.values, shape: Shape($0.shape)) }
  }

  private func predictions(_ logits: [Tensor], on tape: Tape) -> [Prediction] {
    logits.enumerated().map { number, logits in
      Prediction(
        sample: Sample(identifier: "\(number)", draw: 0, label: nil), logits: logits, probabilities: tape.softmax(logits))
    }
  }

  private func expectGradient(_ logits: [Tensor], _ name: String, _ tape: Tape) throws {
    for (logits, expected) in zip(logits, try file.samples(name)) {
      #expect(relativeNorm(try #require(tape.gradient(of: logits)).values, expected.values) < 2e-5, "\(name)")
    }
  }

  @Test func aStepOfSelfTrainingIsTheOriginals() throws {
    let tape = Tape(), box = try box("self_training.mask"), labels = try file.labels("self_training.labels")
    // Teacher: unlabelled a, then b; images: labelled a, b, unlabelled a, b; two of each.
    let said = try tensors("self_training.teacher_logits").map(largestParts)
    #expect(Array(said[..<2]) == (try file.labels("self_training.pseudo_labels_a")))
    #expect(Array(said[2...]) == (try file.labels("self_training.pseudo_labels_b")))
    let images = try tensors("self_training.images")
    for number in 0..<2 {
      let intoLabelled = box.pasted(images[4 + number], over: images[number])
      let intoUnlabelled = box.pasted(images[2 + number], over: images[6 + number])
      #expect(intoLabelled.values == (try tensors("self_training.mixed_labelled_input"))[number].values)
      #expect(intoUnlabelled.values == (try tensors("self_training.mixed_unlabelled_input"))[number].values)
      let targets = [
        box.pasted(said[number], over: labels[number]), box.pasted(labels[2 + number], over: said[2 + number]),
      ]
      #expect(targets[0] == (try file.labels("self_training.mixed_labelled_target"))[number])
      #expect(targets[1] == (try file.labels("self_training.mixed_unlabelled_target"))[number])
    }
    let logits = try (tensors("self_training.logits_labelled") + tensors("self_training.logits_unlabelled")).map(tape.variable)
    let regions =
      (0..<2).map { MixedLabels(box, known: labels[$0], isKnownInside: false, said: said[$0]) }
      + (2..<4).map { MixedLabels(box, known: labels[$0], isKnownInside: true, said: said[$0]) }
    let terms = copyPasteTerms(predictions(logits, on: tape), regions, on: tape)
    try file.expect(LossTerms(terms).total, "self_training.loss")
    tape.backward(from: terms.map { ($0.scalar, weight: $0.weight) })
    try expectGradient(Array(logits[..<2]), "self_training.gradient_labelled", tape)
    try expectGradient(Array(logits[2...]), "self_training.gradient_unlabelled", tape)
  }

  @Test func aStepOfPreTrainingIsTheOriginals() throws {
    let tape = Tape(), logits = try tensors("pre_training.logits").map(tape.variable)
    let terms = copyPasteTerms(predictions(logits, on: tape), try file.labels("pre_training.mixed_labels"), on: tape)
    let groups = Dictionary(uniqueKeysWithValues: LossTerms(terms).byName.map { ($0.name, $0.group.value) })
    try file.expect(try #require(groups["dice"]), "pre_training.loss_dice")
    try file.expect(try #require(groups["crossEntropy"]), "pre_training.loss_ce")
    try file.expect(LossTerms(terms).total, "pre_training.loss")
    tape.backward(from: terms.map { ($0.scalar, weight: $0.weight) })
    try expectGradient(logits, "pre_training.gradient", tape)
  }

  /// Ties, and no structure at all, among them.
  @Test func theLargestPartIsTheOriginals() throws {
    let input = try #require(file.tensors["component.input"]), expected = try #require(file.tensors["component.largest"]).floats
    let found = (0..<input.shape[0]).flatMap { number in
      let labels = input.floats[number * 216..<(number + 1) * 216].map { UInt8($0) }
      return largestParts(Tensor(oneHot: labels, shape: [1, 6, 6, 6, 2]))
    }
    #expect(found == expected.map { UInt8($0) })
  }

  @Test func theTeacherFollowsAsTheOriginals() throws {
    func vector(_ name: String) throws -> Tensor { Tensor(try #require(file.tensors[name]).floats, shape: [8]) }
    let teacher = try vector("ema.teacher_before")
    MovingAverage.update(teacher, with: try vector("ema.student"), keep: BidirectionalCopyPaste.keep)
    #expect(relativeNorm(teacher.values, try vector("ema.teacher_after").values) < 1e-6)
  }

  /// It keeps nearly all of itself in each step: with other weights than a student that was pre-trained it would label badly for long.
  @Test func theTeacherBeginsAsItsStudent() throws {
    let method = try makeMethod("bcp", MethodTests().plan("bcp")), batch = MethodTests().batch(method.recipe)
    let student = method.trained[0].parameters, teacher = method.carried[0].values
    student.load(student.values.values.map { $0 + 0.01 })
    _ = try method.loss(batch, at: Step(index: 1, total: 10, seed: 7), on: Tape(recording: false))
    #expect(teacher.values != student.values.values)
    _ = try method.loss(batch, at: Step(index: 0, total: 10, seed: 7), on: Tape(recording: false))
    #expect(teacher.values == student.values.values)
  }

  @Test func batchesThatDoNotPairAreRefused() throws {
    let method = try makeMethod("bcp", MethodTests().plan("bcp")), step = Step(index: 2, total: 10, seed: 7)
    let batch = MethodTests().batch(method.recipe)
    for (labelled, unlabelled, hint) in [(1, 2, "batch.labelled"), (2, 1, "batch.unlabelled"), (2, 4, "same number")] {
      let wrong = Batch(
        labelled: Array(repeating: batch.labelled[0], count: labelled),
        unlabelled: Array(repeating: batch.unlabelled[0], count: unlabelled))
      #expect { try method.loss(wrong, at: step, on: Tape(recording: false)) } throws: { "\($0)".contains(hint) }
    }
  }
}
