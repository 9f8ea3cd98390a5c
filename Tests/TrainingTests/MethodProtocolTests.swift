// The Method protocol holds what later methods need: two trained networks, a teacher that is carried, modules updated in alternation. A small
// method with all three goes through the real loop and through a checkpoint.

import Foundation
import Learning
import MPI
import Methods
import Networks
import Preparation
import Settings
import Tensors
import TestSupport
import Testing
import Training

/// Two students that learn from each other's labels, updated in turn, and the moving average of the first as teacher.
final class AlternatingPair: Method {
  static let name = "alternating-pair"
  static let summary = "for tests"
  static let options: [any SettingDescription] = []

  let first: any Network
  let second: any Network
  let teacher: any Network
  let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])
  var trained: [TrainedModule] { [TrainedModule("first", first.parameters), TrainedModule("second", second.parameters)] }
  var carried: [CarriedVector] { [CarriedVector("teacher", teacher.parameters.values)] }
  var predictor: any Network { predictsWithTeacher ? teacher : first }
  private let predictsWithTeacher: Bool
  /// How often each module was updated.
  private(set) var updates = [0, 0]

  convenience init(_ plan: MethodPlan) throws(MethodError) { try self.init(plan, predictsWithTeacher: false) }

  init(_ plan: MethodPlan, predictsWithTeacher: Bool) throws(MethodError) {
    self.predictsWithTeacher = predictsWithTeacher
    first = try plan.makeNetwork()
    second = try plan.makeNetwork(seedOffset: 1)
    teacher = try plan.makeNetwork()
  }

  func updated(at step: Step) -> [Int] { [step.index % 2] }

  func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let image = batch.unlabelled[0].clean!, labelled = batch.labelled[0]
    let logits = [first, second].map { $0.logits(image, mode: .evaluation, on: tape) }
    let pseudo = logits.map { argmaxLabels($0.values, classes: $0.shape.channels) }
    let cross = tape.crossEntropy(logits[0], probabilities: tape.softmax(logits[0]), labels: pseudo[1])
    let back = tape.crossEntropy(logits[1], probabilities: tape.softmax(logits[1]), labels: pseudo[0])
    let supervised = [first, second].map {
      tape.diceLoss(tape.softmax($0.logits(labelled.clean!, mode: .evaluation, on: tape)), labels: labelled.label!)
    }
    return LossTerms([
      LossTerm("cross", cross, weight: 0.1), LossTerm("back", back, weight: 0.1),
      LossTerm("dice.first", supervised[0], weight: 1),
      LossTerm("dice.second", supervised[1], weight: 1),
    ])
  }

  func afterUpdate(at step: Step) {
    updates[step.index % 2] += 1
    let mixed = zip(teacher.parameters.values.values, first.parameters.values.values).map { 0.9 * $0 + 0.1 * $1 }
    teacher.parameters.load(mixed)
  }
}

@Suite struct MethodProtocolTests {
  func run(_ folder: String, _ output: String, steps: Int, every: Int = 0) throws -> Run {
    let yaml = TinyCohort.runFile(data: folder, output: "\(folder)/\(output)")
    let configuration = try RunConfiguration(
      yaml: yaml, source: "test", overrides: ["steps=\(steps)", "lanes=1", "checkpoint.every=\(every)", "validation.every=0"])
    try FileManager.default.createDirectory(atPath: "\(folder)/\(output)", withIntermediateDirectories: true)
    return try Run(configuration, rank: 0, ranks: 1) { stage in try MethodWork(stage) { _, plan in try AlternatingPair(plan) } }
  }

  @Test func twoStudentsATeacherAndAlternationGoThroughTheLoop() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let run = try run(folder, "pair", steps: 4), method = run.methodWork.method as! AlternatingPair
      let before = method.trained.map { $0.parameters.values.values }
      let outcome = try run.trained()
      #expect(outcome.step == 4 && method.updates == [2, 2])
      for (module, old) in zip(method.trained, before) { #expect(module.parameters.values.values != old, "\(module.name)") }
      #expect(method.first.parameters.values.values != method.second.parameters.values.values)
    }
  }

  /// The network that predicts is found by its name, also where it is a teacher that is carried.
  @Test(arguments: [false, true]) func aCheckpointPredictsWithTheNetworkThatTheMethodNames(isTeacher: Bool) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let configuration = try run(folder, "pair", steps: 3).configuration
      let run = try Run(configuration, rank: 0, ranks: 1) { stage in
        try MethodWork(stage) { _, plan in try AlternatingPair(plan, predictsWithTeacher: isTeacher) }
      }
      try run.trained()
      let model = try TrainedModel(checkpoint: folder + "/pair"), method = run.methodWork.method
      #expect(model.description.predictor == (isTeacher ? "teacher" : "first"))
      let isSame = model.network.parameters.values.values == method.predictor.parameters.values.values
      #expect(isSame && method.predictor.parameters.values.values != method.trained[isTeacher ? 0 : 1].parameters.values.values)
    }
  }

  @Test func modulesHaveOptimisersOfTheirOwn() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      func optimizers(_ overrides: [String]) throws -> [String] {
        let configuration = try RunConfiguration(
          yaml: TinyCohort.runFile(data: folder, output: folder + "/run"), source: "test", overrides: overrides)
        let run = try Run(configuration, rank: 0, ranks: 1) { stage in
          try MethodWork(stage) { _, plan in try AlternatingPair(plan) }
        }
        return run.stage.work.modules.map { $0.state.map(\.name).joined(separator: " ") }
      }
      #expect(try optimizers([]) == ["first first.momentum", "second second.momentum"])
      #expect(
        try optimizers(["modules.second.optimizer=adamw"])
          == ["first first.momentum", "second second.mean second.square second.steps"])
      let error = #expect(throws: TrainingError.self) { try optimizers(["modules.secnd.optimizer=adamw"]) }
      #expect(error?.description.contains("did you mean \"second\"?") == true, "\(String(describing: error))")
    }
  }

  @Test func everyVectorSurvivesACheckpoint() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      let whole = try run(folder, "whole", steps: 6)
      _ = try whole.trained()
      let interrupted = try run(folder, "part", steps: 6, every: 3)
      _ = try interrupted.trained()
      // Only step 3 is left: the next run must reach the same bytes from it, teacher and momenta included.
      try FileManager.default.removeItem(atPath: folder + "/part/checkpoints/step-00000006")
      let continued = try run(folder, "part", steps: 6)
      _ = try continued.trained()
      let (a, b) = (whole.methodWork.method as! AlternatingPair, continued.methodWork.method as! AlternatingPair)
      #expect(b.updates == [1, 2], "steps 4, 5 and 6 only")
      #expect(a.teacher.parameters.values.values == b.teacher.parameters.values.values)
      for (x, y) in zip(a.trained, b.trained) { #expect(x.parameters.values.values == y.parameters.values.values, "\(x.name)") }
    }
  }
}
