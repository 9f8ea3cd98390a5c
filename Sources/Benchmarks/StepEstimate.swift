// What a training step will take on this machine without running it: its memory by a rehearsal, its time from a step on a smaller patch, whose
// multiply-adds take as long each.

import Kernels
import Learning
import Networks
import Tensors

/// Estimates steps of one kind of network. The time of a multiply-add is measured with the first of them.
public struct StepEstimator {
  private let network: String
  private let threads: Int
  private var secondsPerMultiplyAdd: Double?

  public init(network: String, threads: Int) { (self.network, self.threads) = (network, threads) }

  /// The bytes that a rank takes for a step, weights, gradients and momentum included, and the seconds of a step whose samples it does one after the
  /// other. Errors: the network does not take the patch, or its weights do not fit.
  public mutating func estimate(
    _ plan: NetworkPlan, patch: [Int], batch: Int
  ) throws(NetworkError) -> (bytes: Int, seconds: Double) {
    let made = try makeNetwork(network, plan)
    if let problem = patchProblem(patch, divisor: made.divisor, network: network) { throw NetworkError("patch: \(problem)") }
    let specification = try type(of: made).specification(plan), float = MemoryLayout<Float>.stride
    let sampleBytes = patch.reduce(plan.inputChannels * float + MemoryLayout<UInt8>.stride, *)
    let bytes = BenchmarkStep(made, step(plan, patch)).rehearsedBytes(.standard) + batch * sampleBytes
    if secondsPerMultiplyAdd == nil {
      let small = smaller(patch, divisor: made.divisor)
      secondsPerMultiplyAdd = try seconds(plan, small) / specification.multiplyAdds(patch: small)
    }
    let work = Double(batch) * specification.multiplyAdds(patch: patch)
    return (bytes + 3 * float * specification.parameterCount, work * secondsPerMultiplyAdd!)
  }

  /// The shorter of two steps on one sample.
  private func seconds(_ plan: NetworkPlan, _ patch: [Int]) throws(NetworkError) -> Double {
    Threads.set(threads)
    let benchmark: BenchmarkStep
    do { benchmark = try BenchmarkStep.fitting(step(plan, patch)).benchmark } catch { throw NetworkError("\(error)") }
    let times = (0..<3).map { step in
      ContinuousClock().measure { _ = benchmark.run(step, .standard, profile: nil) } / .seconds(1)
    }
    return times.dropFirst().min()!
  }

  private func step(_ plan: NetworkPlan, _ patch: [Int]) -> StepPlan {
    StepPlan(
      network: network, networkPlan: plan, patch: patch, batch: 1, threads: threads, memory: .standard, steps: 1, warmup: 0)
  }

  /// A patch of the same kind that takes a moment: the longest side is halved, in whole multiples of the divisor, as long as that leaves the coarsest
  /// level more than two voxels.
  private func smaller(_ patch: [Int], divisor: [Int]) -> [Int] {
    var patch = patch
    while patch.reduce(1, *) > 100_000 {
      let axis = patch.indices.max { patch[$0] < patch[$1] }!, cells = patch[axis] / divisor[axis]
      guard cells > 1, (0..<3).reduce(1, { $0 * (patch[$1] / divisor[$1]) }) > 4 else { break }
      patch[axis] = (cells + 1) / 2 * divisor[axis]
    }
    return patch
  }
}
