// The model of one study and kind of scaling: fitted, judged by the largest measured number of nodes, and continued to 1024 nodes
// with intervals.

import Foundation
import Kernels
import Tensors

/// Everything that the fit goes by: repeats apart, so that they can be drawn again.
public struct ModelData: Sendable {
  /// Times of one message size and number of nodes each; no group is empty.
  public var allreduce: [[AllreduceTime]]
  /// Steps of one number of nodes each.
  public var steps: [[NodeStep]]
  public var exchange: Exchange
  public var addSecondsPerByte: Double

  public init(allreduce: [[AllreduceTime]], steps: [[NodeStep]], exchange: Exchange, addSecondsPerByte: Double) {
    (self.allreduce, self.steps) = (allreduce, steps)
    (self.exchange, self.addSecondsPerByte) = (exchange, addSecondsPerByte)
  }

  /// Goes by the median of each group: one repeat in which the machine did something else must not bend the model.
  func fit() throws(ScalingError) -> StepModel {
    let times = allreduce.map { AllreduceTime(nodes: $0[0].nodes, bytes: $0[0].bytes, seconds: median($0.map(\.seconds))) }
    let medians = steps.map { NodeStep(nodes: $0[0].nodes, load: $0[0].load, seconds: median($0.map(\.seconds))) }
    let network = try NetworkModel(fitting: times, addSecondsPerByte: addSecondsPerByte)
    return try StepModel(fitting: medians, network: network, exchange: exchange)
  }

  /// The same with every group drawn again from itself.
  func resampled(_ key: RandomKey) -> ModelData {
    var copy = self
    copy.allreduce = Scaling.resampled(allreduce, key: key.child(0))
    copy.steps = Scaling.resampled(steps, key: key.child(1))
    return copy
  }
}

/// A fitted model with the spread of everything that it predicts.
public struct ScalingModel: Sendable {
  public let model: StepModel
  /// 95 % intervals by the bootstrap over repeats.
  public let latency: Estimate
  public let secondsPerByte: Estimate
  public let nodeSeconds: Estimate
  public let jitter: Estimate
  /// How far the prediction for the largest measured number of nodes, made without it, is off: relative, signed; nil with fewer
  /// than three.
  public let leaveOneOutError: Double?
  public let largestNodes: Int
  /// Models of resampled data, each with a relative error drawn from those of the fit.
  private let draws: [(model: StepModel, factor: Double)]

  public init(_ data: ModelData, seed: UInt64, draws count: Int = 500) throws(ScalingError) {
    let fitted = try data.fit()
    let residuals = data.steps.flatMap { $0 }.map { step in
      step.seconds / fitted.step(nodes: step.nodes, load: step.load).wall
    }
    let key = RandomKey(seed: seed, volume: "model", draw: 0, stream: RandomStream.dataOrder)
    draws = (0..<count).compactMap { number in
      let key = key.child(UInt64(number))
      guard let model = try? data.resampled(key).fit() else { return nil }
      return (model, residuals[key.integer(0, below: residuals.count)])
    }
    model = fitted
    let models = draws.map(\.model)
    func estimate(_ value: (StepModel) -> Double) -> Estimate {
      models.isEmpty
        ? Estimate(value(fitted), low: -.infinity, high: .infinity) : Estimate(value(fitted), draws: models.map(value))
    }
    latency = estimate(\.network.latency)
    secondsPerByte = estimate(\.network.secondsPerByte)
    nodeSeconds = estimate(\.nodeSeconds)
    jitter = estimate(\.jitter)
    largestNodes = data.steps.compactMap { $0.first?.nodes }.max() ?? 0
    leaveOneOutError = data.leaveOneOutError(largest: largestNodes)
  }

  /// A step on `nodes` nodes, with the interval in which a measurement should lie.
  public func stepSeconds(nodes: Int, load: Double) -> Estimate {
    let value = model.step(nodes: nodes, load: load).wall
    guard !draws.isEmpty else { return Estimate(value, low: 0, high: .infinity) }
    return Estimate(value, draws: draws.map { $0.model.step(nodes: nodes, load: load).wall * $0.factor })
  }
}

extension ModelData {
  /// Fits without what was measured on the largest number of nodes and compares with the median there.
  fileprivate func leaveOneOutError(largest: Int) -> Double? {
    var rest = self
    rest.steps = steps.filter { $0.first?.nodes != largest }
    rest.allreduce = allreduce.filter { $0.first?.nodes != largest }
    guard let left = steps.first(where: { $0.first?.nodes == largest }), let model = try? rest.fit() else { return nil }
    return model.step(nodes: largest, load: left[0].load).wall / median(left.map(\.seconds)) - 1
  }
}
