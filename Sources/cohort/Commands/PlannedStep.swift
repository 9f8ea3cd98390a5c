// What a step of training by a plan costs here, for the command that makes the plan.

import Benchmarks
import Files
import Foundation
import Kernels
import Networks
import Planning

/// Steps of the network that a plan's configuration is trained with.
struct PlannedStep {
  static let networks = [PlainConvUNet.name, STUNet.name]
  private let network: String
  private let plan: NetworkPlan
  private var estimator: StepEstimator

  /// - Parameter options: those of the user, key=value, over those of the plan.
  init(_ network: String, options: [String], channels: Int, classes: Int) throws {
    self.network = network
    plan = try networkPlan(options: options, channels: channels, classes: classes)
    estimator = StepEstimator(network: network, threads: Threads.count)
  }

  mutating func cost(of configuration: PlanConfiguration) throws -> StepCost {
    var plan = plan
    plan.options = configuration.networkOptions(forPlain: network == PlainConvUNet.name).merging(plan.options) { $1 }
    let patch = configuration.volumePatch
    let found = try estimator.estimate(plan, patch: patch, batch: configuration.batchSize)
    return StepCost(bytes: found.bytes, seconds: found.seconds)
  }

  /// A line for people.
  func text(of configuration: PlanConfiguration, _ cost: StepCost) -> String {
    let days = cost.seconds * Double(Self.runSteps) / 86_400
    return String(
      format: "%@ of %@: a step takes about %.2f GB and %.1f s on one rank of %d threads, nnU-Net's %d steps %.1f days",
      network, configuration.name, Double(cost.bytes) / 1e9, cost.seconds, Threads.count, Self.runSteps, days)
  }

  /// nnU-Net's 1000 epochs of 250 steps.
  private static let runSteps = 250_000

}

extension PlanConfiguration {
  /// A line for people.
  var summary: String {
    func join<Value>(_ values: [Value], _ write: (Value) -> String) -> String { values.map(write).joined(separator: "x") }
    let size = join(spacing) { String(format: "%.4g", $0) }
    return
      "\(name): voxels of \(size) mm, median case \(join(medianShape) { String(format: "%g", $0) }), patch \(join(patch) { "\($0)" }), "
      + "batch \(batchSize), strides \(network.strides.map { join($0) { "\($0)" } }.joined(separator: " ")), \(normalizations.joined(separator: ", "))"
  }
}
