// The state of a pretraining and its step, on any number of ranks: scenes belong to lanes and lanes to ranks as in training, so the weights
// are the same on any number of ranks with the same number of threads each.

import Cluster
import Learning
import MPI
import Networks
import Tensors

/// A network with what moves its weights. Made alike on every rank.
package final class Pretraining {
  let plan: PretrainingPlan
  let network: SAMMed3D
  let parameters: ParameterSet
  private let optimizer: AdamW
  private let average: LaneAverage
  /// The positional code's matrix: a buffer of the state dict, which no gradient moves and weight decay must not.
  private let matrix: (parameter: Parameter, values: [Float])
  private var unusableSteps = 0

  package init(_ plan: PretrainingPlan) {
    self.plan = plan
    parameters = ParameterSet(SAMMed3D.specification(plan.network), seed: plan.seed)
    network = SAMMed3D(plan.network, parameters: parameters)
    optimizer = AdamW(parameters, OptimizerSettings(weightDecay: plan.weightDecay))
    average = LaneAverage(parameters, averager: ExactAverager.self)
    let buffer = parameters["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"]
    matrix = (buffer, buffer.value.values)
  }

  /// One step. Collective.
  /// - Parameter lanes: those of this rank.
  /// - Returns: the mean loss of all lanes.
  package func take(step: Int, lanes: Range<Int>, over world: borrowing Communicator) throws -> Double {
    var word = ControlWord(lanes: plan.lanes, valuesPerLane: 1)
    average.begin(lanes: plan.lanes)
    for lane in lanes {
      Flight.mark(.compute, step: step + 1, detail: "lane \(lane)")
      parameters.clearGradients()
      let tape = Tape(), loss = pretrainingLoss(network, plan, lane: lane, step: step, on: tape)
      word.set([loss.value], lane: lane)
      tape.backward(from: loss.terms)
      if lane != lanes.last { average.addLane() }
    }
    Flight.mark(.average)
    let outcome = try average.finish(over: world)
    Flight.mark(.control)
    let summary = try word.exchange(over: world)
    Flight.mark(.update)
    try update(outcome, rate: plan.rate(at: step))
    return summary.sum(0) / Double(plan.lanes)
  }

  /// Every rank sees the same outcome. A step without a usable gradient is skipped.
  private func update(_ outcome: AveragingOutcome, rate: Double) throws(TrainingError) {
    guard case .averaged = outcome else {
      unusableSteps += 1
      if unusableSteps < 20 { return }
      throw TrainingError("20 steps in a row had no usable gradient: start again with another seed.", exitCode: 78)
    }
    unusableSteps = 0
    optimizer.step(learningRate: rate, gradients: average.average)
    matrix.values.withUnsafeBufferPointer { matrix.parameter.value.pointer.update(from: $0.baseAddress!, count: $0.count) }
  }
}
