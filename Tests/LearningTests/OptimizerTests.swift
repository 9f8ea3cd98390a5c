// Optimisers and clipping against PyTorch's, step by step: plain, Nesterov, and with tensors that get no gradient in some steps.
// Axes: S steps, P floats of the parameters.

import Foundation
import Learning
import Tensors
import TestSupport
import Testing

@Suite struct OptimizerTests {
  /// Cases of Fixtures/optimizers.safetensors, made by torch.optim and torch.optim.lr_scheduler 2.15.
  @Test(arguments: ["sgd", "nesterov", "sgd.absent", "adamw", "adamw.absent", "adamw.warmup"])
  func everyStepIsPyTorchs(name: String) throws {
    let example = try TorchExample(name)
    let optimizer = try Learning.optimizer(named: example.plan.optimizer).init(example.set, example.plan.settings)
    for step in 0..<example.steps {
      let present = example.plan.absent ? example.present[step] : nil
      optimizer.step(learningRate: example.rates[step], gradients: example.gradients[step], present: present)
      #expect(differenceOverRange(example.set.values.values, example.after[step]) < 2e-7, "step \(step)")
    }
  }

  @Test func warmUpAndCosineArePyTorchs() throws {
    let example = try TorchExample("adamw.warmup")
    let schedule = try Schedule(
      named: "cosine", ScheduleSettings(minimum: example.plan.minimum, warmUp: example.plan.warmUp))
    for step in 0..<example.steps {
      let rate = schedule.learningRate(at: step, of: example.steps, base: example.plan.learningRate)
      #expect(abs(rate / example.rates[step] - 1) < 1e-12, "step \(step)")
    }
  }

  /// nnU-Net's descent: momentum 0.99 in Nesterov's form, decay 3e-5, learning rate 0.01, clipped to a norm of 12.
  @Test func clippedDescentIsNNUNets() throws {
    let file = golden("nnunet_training.safetensors"), tensors = try loadSafetensors(file)
    let norms = try JSONDecoder().decode([Double].self, from: Data(try #require(loadSafetensorsTexts(file)["sgd.norms"]).utf8))
    let before = tensors["sgd.before"]!.floats, count = before.count
    let set = ParameterSet([ParameterSpecification("w", [count], .constant(0))], seed: 1)
    set.load(before)
    let optimizer = StochasticGradientDescent(set, OptimizerSettings(momentum: 0.99, nesterov: true, weightDecay: 3e-5))
    #expect(norms.contains { $0 > 12 } && norms.contains { $0 < 12 })
    for (step, norm) in norms.enumerated() {
      let gradients = Tensor(Array(tensors["sgd.gradients"]!.floats[step * count..<(step + 1) * count]), shape: [count])
      #expect(abs(clip([gradients], toNorm: 12) / norm - 1) < 1e-6)
      optimizer.step(learningRate: 0.01, gradients: gradients)
      #expect(
        differenceOverRange(set.values.values, Array(tensors["sgd.after"]!.floats[step * count..<(step + 1) * count])) < 1e-7)
    }
  }

  @Test func clippingMeasuresAllVectorsTogether() {
    let a = Tensor([3, 0], shape: [2]), b = Tensor([0, 0, 4], shape: [3])
    #expect(clip([a, b], toNorm: 6) == 5 && a.values == [3, 0] && b.values == [0, 0, 4])
    #expect(clip([a, b], toNorm: 2.5) == 5)
    #expect(abs(a.values[0] - 1.5) < 1e-6 && abs(b.values[2] - 2) < 1e-6)
  }

  @Test func tensorsWithoutAGradientKeepTheirState() {
    let set = ParameterSet(
      [ParameterSpecification("a", [2], .constant(1)), ParameterSpecification("b", [3], .constant(1))], seed: 1)
    for type in optimizerCatalog {
      let optimizer = type.init(set, OptimizerSettings(weightDecay: 0.5))
      optimizer.step(learningRate: 0.1, gradients: Tensor([1, 1, 1, 1, 1], shape: [5]))
      let values = set.values.values, state = optimizer.state.map(\.values.values)
      optimizer.step(learningRate: 0.1, gradients: Tensor([1, 1, 1, 1, 1], shape: [5]), present: [true, false])
      let after = set.values.values
      #expect(after[0] != values[0] && after[2...] == values[2...], "\(type.name)")
      for (before, now) in zip(state, optimizer.state.map(\.values.values)) {
        let second = before.count == 5 ? 2 : 1
        #expect(now[0] != before[0] && now[second...] == before[second...], "\(type.name)")
      }
    }
  }

  @Test func anUnknownNameIsRefusedWithTheKnownNames() {
    let error = #expect(throws: LearningError.self) { try optimizer(named: "adam") }
    #expect(error?.description == "there is no optimiser \"adam\": choose one of sgd, adamw.")
  }
}

/// One case of the fixture: three tensors, their gradients in S steps, and where PyTorch's optimiser went.
private struct TorchExample {
  struct Plan: Decodable {
    let optimizer: String
    let learningRate, weightDecay, minimum: Double
    let momentum, beta1, beta2, epsilon: Double?
    let nesterov: Bool?
    let absent: Bool
    let warmUp: Int

    var settings: OptimizerSettings {
      OptimizerSettings(
        momentum: momentum ?? 0, nesterov: nesterov ?? false, weightDecay: weightDecay, beta1: beta1 ?? 0, beta2: beta2 ?? 0,
        epsilon: epsilon ?? 0)
    }
  }
  let plan: Plan
  let set: ParameterSet
  /// Of each step.
  let rates: [Double]
  let gradients: [Tensor]
  let after: [[Float]]
  let present: [[Bool]]
  var steps: Int { rates.count }

  init(_ name: String) throws {
    let file = fixture("optimizers.safetensors"), texts = try loadSafetensorsTexts(file), tensors = try loadSafetensors(file)
    plan = try JSONDecoder().decode(Plan.self, from: Data(texts[name]!.utf8))
    rates = try JSONDecoder().decode([Double].self, from: Data(texts[name + ".rates"]!.utf8))
    let sizes = tensors["sizes"]!.floats.map { Int($0) }, count = sizes.reduce(0, +)
    set = ParameterSet(sizes.enumerated().map { ParameterSpecification("\($0)", [$1], .constant(0)) }, seed: 1)
    set.load(tensors["before"]!.floats)
    func rows<Element>(_ all: [Element], _ width: Int) -> [[Element]] {
      (0..<all.count / width).map { Array(all[$0 * width..<($0 + 1) * width]) }
    }
    gradients = rows(tensors["gradients"]!.floats, count).map { Tensor($0, shape: [count]) }
    after = rows(tensors[name + ".after"]!.floats, count)
    present = rows(tensors["present"]!.bytes.map { $0 == 1 }, sizes.count)
  }
}
