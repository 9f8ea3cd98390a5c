// What `measureStep` found, as JSON and as text.

import Foundation
import Kernels
import Tensors

public struct StepResult: Encodable, Sendable {
  public let network: String
  public let options: [String: String]
  /// D, H, W in voxels.
  public let patch: [Int]
  public let batch: Int
  public let classes: Int
  public let channels: Int
  public let threads: Int
  public let memory: TapeMemory
  public let steps: Int
  public let machine: Machine
  public let rates: MachineRates
  public let parameters: Int
  /// The loss of the last step, on random labels.
  public let loss: Double
  public let medianSeconds: Double
  public let minimumSeconds: Double
  /// The largest memory of the whole process.
  public let peakBytes: Int
  /// The largest memory of the step's tensors and working memory.
  public let bufferBytes: Int
  /// The same as a rehearsal estimates it, by which patches are refused that do not fit.
  public let estimatedBytes: Int
  /// 10⁹ floating-point operations of a step's convolutions and matrix products, as the layers define them.
  public let gflop: Double
  /// `gflop` over `medianSeconds`.
  public let gflopPerSecond: Double
  /// Time by operation and pass in the shortest step; nil where not asked for.
  public private(set) var profile: ProfileTable?

  /// - Parameter timed: the steps that count, the shortest first: its profile is shown, being the least disturbed.
  init(
    _ plan: StepPlan, parameters: Int, loss: Double, timed: [(seconds: Double, profile: Profile)], peakBytes: Int,
    bufferBytes: Int,
    estimatedBytes: Int
  ) {
    (network, options, patch, batch) = (plan.network, plan.networkPlan.options, plan.patch, plan.batch)
    (classes, channels) = (plan.networkPlan.classes, plan.networkPlan.inputChannels)
    (threads, memory, steps) = (plan.threads, plan.memory, plan.steps)
    (self.parameters, self.loss, self.peakBytes) = (parameters, loss, peakBytes)
    (self.bufferBytes, self.estimatedBytes) = (bufferBytes, estimatedBytes)
    machine = Machine()
    rates = MachineRates()
    medianSeconds = median(timed.map(\.seconds))
    minimumSeconds = timed[0].seconds
    gflop = timed[0].profile.entries.reduce(0) { $0 + ($1.kind.pass == .recomputed ? 0 : $1.operations) } / 1e9
    gflopPerSecond = gflop / medianSeconds
    self.profile = ProfileTable(timed[0].profile, rates: rates)
  }

  /// The same without the profile.
  public var summary: StepResult {
    var result = self
    result.profile = nil
    return result
  }

  public var text: String {
    let named = options.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    let lines = [
      "\(network)\(named), patch \(patch.map(String.init).joined(separator: ",")), batch \(batch), \(threads) threads, memory \(memory)",
      "\(machine.processor), \(machine.processors) processors, oneDNN \(machine.oneDNN)",
      String(format: "machine: 3x3x3 convolution %.0f GF/s, memory copy %.1f GB/s", rates.convolution, rates.copy),
      String(format: "seconds per step: median %.3f, minimum %.3f of %d", medianSeconds, minimumSeconds, steps),
      String(format: "%.1f GFLOP per step, %.0f GF/s", gflop, gflopPerSecond),
      String(
        format: "peak memory %.2f GB, of which the step's buffers %.2f GB; %d parameters, last loss %.4f",
        Double(peakBytes) / 1e9,
        Double(bufferBytes) / 1e9, parameters, loss),
    ]
    return (lines + (profile.map { ["", $0.text] } ?? [])).joined(separator: "\n")
  }
}
