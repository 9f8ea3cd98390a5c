// SAM, timed: the embedding of a random canvas by the network as it is deployed, and a step of fine-tuning (forward, backward into LoRA and decoder), each
// beside what its matrix products alone would take at the rate that a large one reaches here.

import Foundation
import Kernels
import Learning
import Networks
import Tensors

/// What `measureSAM` found.
public struct SAMResult: Encodable, Sendable {
  /// One of the two, timed.
  public struct Part: Encodable, Sendable {
    public let medianSeconds: Double
    public let minimumSeconds: Double
    /// 10⁹ floating-point operations of convolutions and matrix products, those that are computed twice counted twice.
    public let gflop: Double
    /// These at the rate of a large product, seconds.
    public let productSeconds: Double
    /// The largest memory of tensors and working memory beyond the weights.
    public let bufferBytes: Int
    /// Time by operation in the shortest of all.
    public let profile: ProfileTable
  }
  public let canvas: Int
  public let embedding: Int
  public let depth: Int
  public let classes: Int
  public let rank: Int
  public let threads: Int
  public let repeats: Int
  public let machine: Machine
  /// 10⁹ floating-point operations in a second of a product of all tokens with the weights of a perceptron.
  public let productRate: Double
  public let forward: Part
  public let step: Part
  /// The largest memory of the whole process, weights included.
  public let peakBytes: Int

  public var text: String {
    func lines(_ name: String, _ part: Part) -> [String] {
      [
        "",
        String(
          format: "%@: median %.3f s, minimum %.3f s; %.1f GFLOP, %.0f GF/s; buffers %.2f GB", name, part.medianSeconds,
          part.minimumSeconds, part.gflop, part.gflop / part.medianSeconds, Double(part.bufferBytes) / 1e9),
        String(format: "its products at the measured rate: %.3f s", part.productSeconds), part.profile.text,
      ]
    }
    return
      ([
        "\(SAM.name), canvas of \(canvas), \(embedding) channels, depth \(depth), \(classes) classes, LoRA of rank \(rank), \(threads) threads, "
          + "\(repeats) repeats",
        "\(machine.processor), \(machine.processors) processors, OpenBLAS for \(openBLASCore)",
        String(format: "a large matrix product: %.0f GF/s; peak memory %.2f GB", productRate, Double(peakBytes) / 1e9),
      ] + lines("embedding", forward) + lines("fine-tuning step", step)).joined(separator: "\n")
  }
}

/// Times a SAM of random weights. Sets the threads of the process.
public func measureSAM(_ plan: SAMPlan, rank: Int, threads: Int, repeats: Int) -> SAMResult {
  Threads.set(threads)
  let sam = randomSAM(plan, rank: rank), merged = sam.merged()
  let image = random([1, 1, plan.canvas, plan.canvas, 1], RandomKey(1))
  let labels = (0..<plan.canvas * plan.canvas).map { UInt8(RandomKey(2).integer(UInt64($0), below: plan.masks)) }
  let rate = productRate(plan)
  let forward = timed(repeats, rate: rate) { profile in
    _ = merged.embedding(image, on: Tape(recording: false, profile: profile))
  }
  let step = timed(repeats, rate: rate) { profile in
    let tape = Tape(profile: profile), network = sam.network
    sam.trained.clearGradients()
    let logits = tape.upsampledPlane(
      network.logits(embedding: network.embedding(image, on: tape), on: tape), by: plan.upsampling)
    let p = tape.softmax(logits)
    tape.backward(from: [
      (tape.diceLoss(p, labels: labels), weight: 0.5), (tape.crossEntropy(logits, probabilities: p, labels: labels), weight: 0.5),
    ])
  }
  return SAMResult(
    canvas: plan.canvas, embedding: plan.embedding, depth: plan.depth, classes: plan.masks, rank: rank, threads: threads,
    repeats: repeats, machine: Machine(), productRate: rate, forward: forward, step: step, peakBytes: peakBytes())
}

private func timed(_ repeats: Int, rate: Double, _ body: (Profile) -> Void) -> SAMResult.Part {
  BufferPool.resetPeak()
  let before = BufferPool.peakBytes
  var all: [(seconds: Double, profile: Profile)] = []
  for round in 0...repeats {
    let profile = Profile()
    profile.start()
    let time = ContinuousClock().measure { body(profile) }
    if round > 0 || repeats == 1 { all.append((time / .seconds(1), profile)) }  // the first only warms up
  }
  all.sort { $0.seconds < $1.seconds }
  let gflop = all[0].profile.entries.reduce(0) { $0 + $1.operations } / 1e9
  return SAMResult.Part(
    medianSeconds: median(all.map(\.seconds)), minimumSeconds: all[0].seconds, gflop: gflop, productSeconds: gflop / rate,
    bufferBytes: BufferPool.peakBytes - before, profile: ProfileTable(all[0].profile, rates: MachineRates()))
}

/// 10⁹ floating-point operations in a second of the product of all tokens with the first weights of a block's perceptron.
private func productRate(_ plan: SAMPlan) -> Double {
  let (m, n, k) = (plan.grid * plan.grid, 4 * plan.embedding, plan.embedding)
  let a = random([m, k], RandomKey(3)), b = random([n, k], RandomKey(4)), c = Tensor(uninitialized: [m, n])
  let seconds = (0..<5).map { _ in
    ContinuousClock().measure { matrixProduct(.secondTransposed, a.pointer, b.pointer, into: c.pointer, m: m, n: n, k: k) }
      / .seconds(1)
  }
  return withExtendedLifetime((a, b, c)) { 2 * Double(m * n * k) / median(seconds) / 1e9 }
}

/// A SAM with random weights, for timing.
private func randomSAM(_ plan: SAMPlan, rank: Int) -> AdaptedSAM {
  let tensors = SAM.specification(plan).enumerated().map { index, specification in
    (name: specification.name, value: random(specification.shape, RandomKey(UInt64(index)), standardDeviation: 0.02))
  }
  return AdaptedSAM(plan, frozen: FrozenParameters(tensors), rank: rank, seed: 1)
}
