// A stage's work as a stranger would write it: two modules with optimisers of their own, learnt from numbers, and rounds in which rank 0 decides.

import Cluster
import Foundation
import Learning
import MPI
import Methods
import Preparation
import Tensors
import Training

/// Two vectors that are drawn to targets; each round rank 0 moves the targets.
final class ToyWork: Work {
  static let name = "toy"
  static let summary = "for tests"
  static let length = 40

  let modules: [ModuleUpdate]
  func round(of step: Int) -> Int? { step / 3 }
  let samplesPerStep = 1
  let title = "two vectors"
  /// What rank 0 decided, round by round.
  private(set) var decisions: [String] = []
  private var target = 0.0

  init(_ plan: StagePlan) throws {
    let rate = LearningRate(0.1, try Schedule(named: "constant"))
    func module(_ name: String) -> TrainedModule {
      TrainedModule(
        name, ParameterSet([ParameterSpecification("x", [1, 1, 1, 1, Self.length], .gaussian(standardDeviation: 1))], seed: 5))
    }
    modules = [
      ModuleUpdate(
        module("slow"),
        OptimizerChoice(StochasticGradientDescent.self, OptimizerSettings(nesterov: true), learningRate: rate, clipNorm: 0.5),
        averager: ExactAverager.self),
      ModuleUpdate(module("fast"), OptimizerChoice(AdamW.self, learningRate: rate), averager: ExactAverager.self),
    ]
  }

  func batch(lane: Int, at step: Step) throws -> LaneBatch {
    LaneBatch { [self] tape in
      let noise = RandomKey(seed: step.seed, volume: "lane \(lane)", draw: UInt64(step.index), stream: 99)
      let goal = (0..<Self.length).map { Float(target + 0.1 * noise.gaussian(UInt64($0))) }
      return LossTerms(
        modules.map { update in
          let x = tape.value(of: update.module.parameters["x"], shape: [1, 1, 1, 1, Self.length])
          return LossTerm(update.module.name, tape.squaredDifference(x, to: Tensor(goal, shape: x.shape)), weight: 1)
        })
    }
  }

  /// Rank 0 looks at the state and all ranks get its decision.
  func decide(round: Int, over world: borrowing Communicator) throws -> String {
    let mean = modules[0].module.parameters.values.values.reduce(0, +) / Float(Self.length)
    return try world.broadcast(text: world.rank == 0 ? "\(mean + 1)" : "", from: 0)
  }

  func adopt(decision: String, round: Int) throws {
    decisions.append("\(round): \(decision)")
    target = Double(decision) ?? 0
  }

  func validate(over world: borrowing Communicator) throws -> StageScores {
    let score = 1 / (1 + Double(modules[0].module.parameters.gradientNorm))
    return StageScores(
      mean: score, isHeldOut: true, text: "score \(score)", kind: "validation", numbers: ["score": score], heading: "Score",
      table: [("score", score)])
  }
}
