// Methods with a mean teacher against the published programs (HiLab-git/SSL4MIS, yulequan/UA-MT, lemoshu/AC-MT): which voxels count, the weight, the terms
// and the gradient of the student's logits.

import Learning
import Methods
import Preparation
import TestSupport
import Tensors
import Testing

@Suite struct TeacherGoldenTests {
  /// The student's predictions of one golden step.
  private struct Golden {
    let file: GoldenFile
    let name: String
    let tape = Tape()
    let logits: [Tensor]
    let predictions: [Prediction]
    let known: [[UInt8]]

    init(_ path: String, _ name: String) throws {
      file = try GoldenFile(path)
      self.name = name
      known = try file.labels("\(name).labels")
      let tape = tape, known = known
      logits = try file.samples("\(name).student_logits").map { tape.variable(Tensor($0.values, shape: Shape($0.shape))) }
      predictions = logits.enumerated().map { number, logits in
        Prediction(
          sample: Sample(identifier: "\(number)", draw: UInt64(number), label: number < known.count ? known[number] : nil),
          logits: logits, probabilities: tape.softmax(logits))
      }
    }

    func probabilities(_ array: String) throws -> [Tensor] {
      try file.samples("\(name).\(array)").map { Tape(recording: false).softmax(Tensor($0.values, shape: Shape($0.shape))) }
    }

    /// The sum over passes of an array [passes, B, K, ...], of each sample.
    func sums(_ array: String) throws -> [Tensor] {
      let passes = try passes(array).map { $0.map { Tape(recording: false).softmax($0).values } }
      let shapes = try probabilities("student_logits").map(\.shape)
      return passes[0].indices.map { b in
        Tensor(passes[0][b].indices.map { index in passes.reduce(0) { $0 + $1[b][index] } }, shape: shapes[b])
      }
    }

    /// An array [passes, B, K, ...] by passes and samples.
    func passes(_ array: String) throws -> [[Tensor]] {
      let stored = try #require(file.tensors["\(name).\(array)"]), count = stored.floats.count / stored.shape[0]
      return try (0..<stored.shape[0]).map { pass in
        var tensors = file.tensors
        tensors["pass"] = GoldenTensor(
          shape: Array(stored.shape.dropFirst()), floats: Array(stored.floats[pass * count..<(pass + 1) * count]), bytes: [])
        return try GoldenFile(tensors, file.texts).samples("pass").map { Tensor($0.values, shape: Shape($0.shape)) }
      }
    }

    func expectMask(_ weights: [Tensor]) throws {
      let mask = try #require(file.tensors["\(name).mask"]).floats
      let differing = zip(weights.flatMap(\.values), mask).count { $0 != $1 }
      #expect(differing <= mask.count / 1000, "\(name): \(differing) voxels of the mask differ")
    }

    func supervised(at step: Step) -> [LossTerm] {
      SupervisedBlend.half.terms(Array(predictions[..<known.count]), labels: known, at: step, on: tape)
    }

    var unlabelled: ArraySlice<Prediction> { predictions[known.count...] }

    func expectGradient(of terms: [LossTerm]) throws {
      tape.backward(from: terms.map { ($0.scalar, weight: $0.weight) })
      for (logits, expected) in zip(logits, try file.samples("\(name).student_gradient")) {
        #expect(relativeNorm(try #require(tape.gradient(of: logits)).values, expected.values) < 2e-5)
      }
    }
  }

  @Test(arguments: [("ssl4mis_uamt", 200), ("uamt_early", 40), ("uamt_late", 40)])
  func certainVoxelsOfUAMTAreTheOriginals(name: String, epochs: Int) throws {
    let golden = try Golden(TestSupport.golden("uamt_mt.safetensors"), name), file = golden.file
    let step = Step(index: Int(try file.number("\(name).iteration")), total: Int(try file.number("\(name).iterations")), seed: 1)
    let limit = Specialist.certaintyLimit(at: step)
    try file.expect(limit * 0.6931471805599453, "\(name).threshold")
    let passes = try #require(file.tensors["\(name).teacher_mc_logits"]).shape[0]
    let masks = try golden.sums("teacher_mc_logits").map { VoxelWeights.certain(sum: $0, passes: passes, limit: limit) }
    try golden.expectMask(masks)
    let weight = ConsistencyWeight(ramp: (epochSteps: 150, epochs: epochs)).at(step)
    try file.expect(weight, "\(name).consistency_weight")
    let targets = zip(try golden.probabilities("teacher_logits"), masks).map { AgreementTarget(probabilities: $0, weights: $1) }
    let terms = agreementTerms(Array(zip(golden.unlabelled, targets)), weight: weight, on: golden.tape)
    guard name == "ssl4mis_uamt" else { return try file.expect(terms[0].scalar.value, "\(name).consistency_dist") }
    try file.expect(terms[0].scalar.value, "\(name).consistency_loss")
    let all = golden.supervised(at: step) + terms
    try file.expect(LossTerms(all).total, "\(name).loss")
    try golden.expectGradient(of: all)
  }

  @Test func aStepOfMeanTeacherIsTheOriginals() throws {
    let name = "mean_teacher", golden = try Golden(TestSupport.golden("uamt_mt.safetensors"), name), file = golden.file
    let step = Step(index: Int(try file.number("\(name).iteration")), total: Int(try file.number("\(name).iterations")), seed: 1)
    let weight = ConsistencyWeight(ramp: (epochSteps: 150, epochs: 200)).at(step)
    let targets = try golden.probabilities("teacher_logits").map { AgreementTarget(probabilities: $0) }
    let all =
      golden.supervised(at: step) + agreementTerms(Array(zip(golden.unlabelled, targets)), weight: weight, on: golden.tape)
    try file.expect(LossTerms(all).total, "\(name).loss")
    try golden.expectGradient(of: all)
  }

  @Test(arguments: [("entropy", Ambiguity.entropy), ("model_uncertainty", .modelUncertainty)])
  func ambiguousVoxelsOfACMTAreTheOriginals(name: String, ambiguity: Ambiguity) throws {
    let golden = try Golden(TestSupport.golden("acmt.safetensors"), name), file = golden.file
    let step = Step(index: Int(try file.number("\(name).iteration")), total: Int(try file.number("iterations")), seed: 1)
    let limit = ambiguity.limit(at: step)
    try file.expect(limit * (ambiguity == .entropy ? 1 : 0.6931471805599453), "\(name).threshold")
    let sums = try ambiguity == .entropy ? golden.unlabelled.map(\.probabilities) : golden.sums("student_mc_logits")
    let passes = ambiguity == .entropy ? 1 : try #require(file.tensors["\(name).student_mc_logits"]).shape[0]
    let masks = sums.map { VoxelWeights.uncertain(sum: $0, passes: passes, limit: limit) }
    try golden.expectMask(masks)
    let weight = ConsistencyWeight(ramp: (epochSteps: 150, epochs: 40)).at(step)
    try file.expect(weight, "\(name).consistency_weight")
    let targets = zip(try golden.probabilities("noisy_teacher_logits"), masks).map {
      AgreementTarget(probabilities: $0, weights: $1)
    }
    let all =
      golden.supervised(at: step)
      + ambiguity.terms(Array(zip(golden.unlabelled, targets)), weight: weight, on: golden.tape)
    try file.expect(LossTerms(all).total, "\(name).loss")
    try golden.expectGradient(of: all)
  }

  /// With the entropy of crop k for class k, as the program has it; of two crops and two classes both ways can be told apart.
  @Test func prototypesOfACMTAreTheOriginals() throws {
    let name = "prototype", golden = try Golden(TestSupport.golden("acmt.safetensors"), name), file = golden.file
    let step = Step(index: Int(try file.number("\(name).iteration")), total: Int(try file.number("iterations")), seed: 1)
    let said = try golden.probabilities("teacher_logits"), noisy = try golden.probabilities("noisy_teacher_logits")
    let logits = try golden.passes("teacher_mc_logits"), features = try golden.passes("teacher_mc_features")
    let views = said.indices.map { b in
      TeacherPasses(probabilities: said[b], logits: logits.map { $0[b] }, features: features.map { $0[b] })
    }
    #expect(views.map { $0.sureLabels() } == (try file.labels("\(name).rectified")))
    let clean = zip(views, golden.unlabelled).map { $0.cleanClasses(student: $1.probabilities) }
    for (clean, expected) in zip(clean, try file.samples("\(name).clean_mask")) { #expect(clean.values == expected.values) }
    let weight = ConsistencyWeight(ramp: (epochSteps: 150, epochs: 40)).at(step)
    try file.expect(weight, "\(name).consistency_weight")
    let pairs = Array(zip(golden.unlabelled, noisy)).map { (prediction: $0, target: $1) }
    let terms = try prototypeTerms(pairs, clean: clean, weight: weight, mixesIndices: true, on: golden.tape)
    try file.expect(LossTerms(terms).total / weight, "\(name).consistency_loss")
    let all = golden.supervised(at: step) + terms
    try file.expect(LossTerms(all).total, "\(name).loss")
    let intended = try prototypeTerms(pairs, clean: clean, weight: weight, mixesIndices: false, on: Tape(recording: false))
    #expect(intended[0].scalar.value == terms[0].scalar.value && intended[1].scalar.value != terms[1].scalar.value)
    try golden.expectGradient(of: all)
    #expect { try prototypeTerms([pairs[0]], clean: [clean[0]], weight: 1, mixesIndices: true, on: golden.tape) } throws: {
      "\($0)".contains("batch.unlabelled to 2")
    }
  }

  @Test(arguments: ["ict2", "ict3"]) func aStepOfICTIsTheOriginals(name: String) throws {
    let golden = try Golden(TestSupport.golden("cps_ict.safetensors"), name), file = golden.file
    let step = Step(index: Int(try file.number("\(name).iteration")), total: 30_000, seed: 1)
    let share = try #require(file.tensors["\(name).mix"]).floats[0], said = try golden.probabilities("teacher_logits")
    let crops = try file.samples("\(name).unlabelled").map { Tensor($0.values, shape: Shape($0.shape)) }
    let expected = try file.samples("\(name).mixed_input")[0], target = interpolated(said[0], said[1], share: share)
    #expect(relativeNorm(interpolated(crops[0], crops[1], share: share).values, expected.values) < 1e-6)
    #expect(relativeNorm(target.values, try file.samples("\(name).target")[0].values) < 1e-6)
    let weight = ConsistencyWeight(ramp: (epochSteps: 150, epochs: 200)).at(step)
    try file.expect(weight, "\(name).consistency_weight")
    let agreement = agreementTerms(
      [(golden.predictions.last!, AgreementTarget(probabilities: target))], weight: weight, on: golden.tape)
    try file.expect(agreement[0].scalar.value, "\(name).consistency_loss")
    let all = golden.supervised(at: step) + agreement
    try file.expect(LossTerms(all).total, "\(name).loss")
    try golden.expectGradient(of: all)
  }

  @Test func betaNumbersHaveTheirMoments() {
    let numbers = (0..<20_000).map { betaNumber(0.2, key: RandomKey(3).child(UInt64($0))) }
    let mean = numbers.reduce(0, +) / 20_000, variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
    // 1/2 and 1 / (4 (2 alpha + 1)).
    #expect(abs(mean - 0.5) < 0.01 && abs(variance - 0.25 / 1.4) < 0.004)
  }
}
