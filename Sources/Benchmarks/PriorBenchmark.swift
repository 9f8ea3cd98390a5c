// The frozen prior, timed: SAM-Med3D's embedding of a random image, and the decoding of a mask prompt with a click.

import Foundation
import Kernels
import Learning
import Networks
import Tensors

/// What `measurePrior` found.
public struct PriorResult: Encodable, Sendable {
  public let imageSize: Int
  public let threads: Int
  public let repeats: Int
  public let machine: Machine
  public let rates: MachineRates
  /// The time of embedding one image, seconds.
  public let medianSeconds: Double
  public let minimumSeconds: Double
  /// The time of decoding one prompt to logits at a quarter of the image's resolution, seconds.
  public let decodingSeconds: Double
  /// 10⁹ floating-point operations of the embedding's convolutions and matrix products.
  public let gflop: Double
  /// The largest memory of the whole process, mapped weights included.
  public let peakBytes: Int
  /// Time by operation in the shortest embedding.
  public let profile: ProfileTable

  public var text: String {
    [
      "\(SAMMed3D.name), image of \(imageSize), \(threads) threads, \(repeats) repeats",
      "\(machine.processor), \(machine.processors) processors, oneDNN \(machine.oneDNN)",
      String(format: "machine: 3x3x3 convolution %.0f GF/s, memory copy %.1f GB/s", rates.convolution, rates.copy),
      String(
        format: "embedding: median %.3f s, minimum %.3f s; %.1f GFLOP, %.0f GF/s", medianSeconds, minimumSeconds, gflop,
        gflop / medianSeconds),
      String(format: "decoding of a mask and a click: median %.4f s", decodingSeconds),
      String(format: "peak memory %.2f GB", Double(peakBytes) / 1e9), "", profile.text,
    ].joined(separator: "\n")
  }
}

/// Times the prior. Sets the threads of the process.
public func measurePrior(_ network: SAMMed3D, threads: Int, repeats: Int) -> PriorResult {
  Threads.set(threads)
  let side = network.plan.imageSize, low = network.plan.lowResolution
  let image = random([1, side, side, side, 1], RandomKey(1)), mask = random([1, low, low, low, 1], RandomKey(2))
  let click = PointPrompt(voxel: SIMD3(repeating: Double(side / 2)), isPositive: true)
  var encoded: [(seconds: Double, profile: Profile)] = [], decoded: [Double] = []
  for round in 0...repeats {
    let profile = Profile()
    var embedding = image
    profile.start()
    let encoding = ContinuousClock().measure {
      embedding = network.embedding(image, on: Tape(recording: false, profile: profile))
    }
    let decoding = ContinuousClock().measure {
      _ = network.logits(embedding: embedding, mask: mask, points: [click], on: Tape(recording: false))
    }
    if round == 0 { continue }  // the first only warms up
    encoded.append((encoding / .seconds(1), profile))
    decoded.append(decoding / .seconds(1))
  }
  encoded.sort { $0.seconds < $1.seconds }
  let peak = peakBytes(), rates = MachineRates()
  return PriorResult(
    imageSize: side, threads: threads, repeats: repeats, machine: Machine(), rates: rates,
    medianSeconds: median(encoded.map(\.seconds)), minimumSeconds: encoded[0].seconds,
    decodingSeconds: median(decoded),
    gflop: encoded[0].profile.entries.reduce(0) { $0 + $1.operations } / 1e9, peakBytes: peak,
    profile: ProfileTable(encoded[0].profile, rates: rates))
}

/// A prior of the released size with random weights, for timing.
public func randomPrior() -> SAMMed3D {
  let tensors = SAMMed3D.specification(.base).enumerated().map { index, specification in
    (name: specification.name, value: random(specification.shape, RandomKey(UInt64(index)), standardDeviation: 0.02))
  }
  return SAMMed3D(.base, parameters: FrozenParameters(tensors))
}

func random(_ shape: Shape, _ key: RandomKey, standardDeviation: Float = 1) -> Tensor {
  let tensor = Tensor(uninitialized: shape)
  parallelFor(tensor.count, grain: 1 << 15) { start, end in
    for index in start..<end { tensor.pointer[index] = standardDeviation * Float(key.gaussian(UInt64(index))) }
  }
  return tensor
}
