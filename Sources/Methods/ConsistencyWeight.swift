// The weight of an unsupervised term over a run, and the options by which a run file sets it (HiLab-git/SSL4MIS, code/utils/ramps.py and the programs
// that use it): it rises as exp(-5 (1 - t/R)²).

import Learning
import Preparation
import Settings

/// λ(t).
package struct ConsistencyWeight {
  /// λ at the end of the ramp.
  package var highest: Double
  /// Steps of an epoch, and the epochs in which the weight rises; nil spreads 200 stairs over the run.
  package var ramp: (epochSteps: Int, epochs: Int)?

  package init(highest: Double = 0.1, ramp: (epochSteps: Int, epochs: Int)? = nil) { (self.highest, self.ramp) = (highest, ramp) }

  package func at(_ step: Step) -> Double {
    let share = ramp.map { ConsistencyRamp.weight(epoch: step.index / $0.epochSteps, of: $0.epochs) }
    return highest * (share ?? ConsistencyRamp.weight(at: step.index, of: step.total))
  }
}

/// The options of a method about its weight.
struct ConsistencyOptions {
  private let highest: Setting<Double>
  private let rampEpochs, epochSteps: Setting<Int>

  /// - Parameters:
  ///   - highest: the published weight.
  ///   - epochs: the published ramp.
  init(highest: Double = 0.1, publishedEpochs epochs: Int) {
    self.highest = Setting(
      "consistencyWeight", default: highest, in: 0...1000, "Weight of the unsupervised term at the end of its ramp.")
    rampEpochs = Setting(
      "rampEpochs", default: 0, in: 0...1_000_000,
      "Epochs over which that weight rises as exp(-5 (1 - t/R)^2) (published: \(epochs)); 0 spreads the rise over the run.")
    epochSteps = Setting("epochSteps", default: 150, in: 1...1_000_000, "Steps that rampEpochs counts as an epoch.")
  }

  var all: [any SettingDescription] { [highest, rampEpochs, epochSteps] }

  func weight(_ plan: MethodPlan) -> ConsistencyWeight {
    let epochs = plan[rampEpochs]
    return ConsistencyWeight(highest: plan[highest], ramp: epochs > 0 ? (epochSteps: plan[epochSteps], epochs: epochs) : nil)
  }
}
