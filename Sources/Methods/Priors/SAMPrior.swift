// A frozen SAM-Med3D as a prior: the image is encoded once, each class is prompted and decoded
// by itself. Axes: D H W voxels of the crop, K classes, F = K - 1, G = 4g cells of the coarse grid, P channels of the embedding.

import Kernels
import Networks
import Preparation
import Tensors

public final class SAMPrior: Prior {
  public let title: String
  public let prompt: PromptSource
  /// L: logits of mask prompts lie within ± L.
  public var promptClip: Double
  public var reliability = 1.0
  /// What prompts are made of where the source is `prototype` or `atlas`; must be set before the first answer then.
  public var prototypes: Prototypes?
  public var atlas: Atlas?

  private let network: SAMMed3D
  private let source: any EmbeddingSource
  private let seed: UInt64

  /// - Parameter title: what the weights are called in reports.
  public init(
    _ network: SAMMed3D, title: String, source: any EmbeddingSource, prompt: PromptSource, promptClip: Double = 8, seed: UInt64
  ) {
    (self.network, self.title, self.source, self.prompt) = (network, title, source, prompt)
    (self.promptClip, self.seed) = (promptClip, seed)
  }

  public var tokenChannels: Int { network.plan.promptDimension }

  public func tokens(for sample: Sample, grid: [Int]) throws(MethodError) -> Tensor? {
    if Rehearsal.isOn { return Tensor(uninitialized: [1, grid.reduce(1, *), tokenChannels]) }
    return try source.embedding(for: sample).tokens(grid: grid)
  }

  public func answer(for sample: Sample, student: Tensor, at step: Step) throws(MethodError) -> PriorAnswer? {
    if Rehearsal.isOn { return .rehearsed(student) }
    let windows = try source.embedding(for: sample).worthAsking
    guard !windows.isEmpty, let evidence = try evidence(sample, student, windows) else { return nil }
    let classes = 1..<student.shape.channels
    let isPresent =
      prompt.usesMask ? PromptSize.fits(evidence, from: 1, above: 0.5) : [Bool](repeating: true, count: classes.count)
    guard isPresent.contains(true) else { return nil }
    let answers = windows.map { ask($0, sample, evidence, classes.filter { isPresent[$0 - 1] }) }
    func sampled(_ values: (WindowAnswer) -> [Float]) -> Tensor {
      WindowMap.sampled(
        zip(windows, answers).map { ($0.map, values($1)) }, grid: network.plan.lowResolution, channels: classes.count)
    }
    return PriorAnswer(
      logits: sampled(\.logits), isPresent: isPresent,
      uncertainty: prompt == .studentClicksUnc ? sampled(\.variances) : nil)
  }

  /// The probable place of each class, [1, D, H, W, K]: the label where there is one, else what the source of prompts goes by.
  private func evidence(_ sample: Sample, _ student: Tensor, _ windows: [WindowEmbedding]) throws(MethodError) -> Tensor? {
    if let label = sample.label { return Tensor(oneHot: label, shape: student.shape) }
    switch prompt {
    case .prototype:
      guard let prototypes else { fatalError("prompts from prototypes were asked for before the prototypes were made") }
      return prototypes.mask(windows)
    case .atlas:
      guard let atlas else { fatalError("prompts from an atlas were asked for before the atlas was made") }
      return try atlas.probabilities(for: sample).map { $0.added(to: student) }
    default: return student
    }
  }

  /// The logits and the variances of all classes in one window, each [G, G, G, F].
  private struct WindowAnswer {
    var logits, variances: [Float]
  }

  private func ask(_ window: WindowEmbedding, _ sample: Sample, _ evidence: Tensor, _ present: [Int]) -> WindowAnswer {
    let grid = network.plan.lowResolution, pooled = window.map.pooled(evidence, grid: grid), others = evidence.shape.channels - 1
    let cells = grid * grid * grid
    var answer = WindowAnswer(
      logits: [Float](repeating: -Float(promptClip), count: cells * others),
      variances: [Float](repeating: 0, count: cells * others))
    // A window that holds nothing of a class has no question to answer: the class is absent there.
    for k in present where !prompt.usesMask || pooled.channel(k).contains(where: { $0 > 0.5 }) {
      let rounds = prompt.rounds(request(window, sample, evidence, pooled, k))
      let last = rounds[rounds.count - 1]
      for cell in 0..<cells { answer.logits[cell * others + k - 1] = last[cell] }
      guard prompt == .studentClicksUnc else { continue }
      let variances = varianceOfProbabilities(rounds, and: pooled.channel(k))
      for cell in 0..<cells { answer.variances[cell * others + k - 1] = variances[cell] }
    }
    return answer
  }

  private func request(
    _ window: WindowEmbedding, _ sample: Sample, _ evidence: Tensor, _ pooled: PooledCrop, _ k: Int
  ) -> PromptRequest {
    let plan = network.plan, grid = plan.lowResolution
    let key = RandomKey(seed: seed, volume: sample.identifier, draw: sample.draw, stream: RandomStream.click)
    return PromptRequest(
      imageSize: plan.imageSize, grid: grid, probability: pooled.channel(k), isKnown: pooled.isKnown, clip: Float(promptClip),
      target: { window.map.pooled(evidence.indicator(of: k, above: 0.5), grid: plan.imageSize / 2) },
      intensity: {
        guard let clean = sample.clean else {
          fatalError("a prior that reads the crop was given a sample without its voxels")
        }
        return window.map.pooled(clean.channel(0), grid: grid)
      },
      key: k == 1 ? key : key.child(UInt64(1000 + k)),
      decode: { [network] mask, points in
        network.logits(
          embedding: window.embedding, mask: Tensor(mask, shape: [1, grid, grid, grid, 1]), points: points,
          on: Tape(recording: false)
        ).values
      })
  }
}

extension [WindowEmbedding] {
  /// The windows that the crop covers well: along each axis at least half as far as the window that it covers best. Windows lie
  /// half a window apart, so every voxel of the crop is in one of them; the others would be asked about a rim of which the prompt
  /// says little.
  fileprivate var worthAsking: [WindowEmbedding] {
    let touched = filter(\.map.isTouched), overlaps = touched.map(\.map.overlap)
    let best = (0..<3).map { axis in overlaps.reduce(0) { Swift.max($0, $1[axis]) } }
    return zip(touched, overlaps).filter { _, overlap in (0..<3).allSatisfy { overlap[$0] >= best[$0] / 2 } }.map(\.0)
  }
}

/// The unbiased variance, in each cell, of the student's probability and those after each pass (1.8, `studentClicksUnc`).
private func varianceOfProbabilities(_ rounds: [[Float]], and student: [Float]) -> [Float] {
  student.indices.map { cell in
    let values = [student[cell]] + rounds.map { sigmoid($0[cell]) }
    let mean = values.reduce(0, +) / Float(values.count)
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(values.count - 1)
  }
}

extension Tensor {
  /// min(1, self + other): an atlas and the student's mask in one prompt.
  fileprivate func added(to other: Tensor) -> Tensor {
    Tensor(zip(values, other.values).map { min(1, $0 + $1) }, shape: shape)
  }
}

extension PriorAnswer {
  /// An answer of the right shapes in a rehearsal, where nothing is computed.
  static func rehearsed(_ student: Tensor) -> PriorAnswer {
    let foreground = student.shape.channels - 1
    return PriorAnswer(
      logits: Tensor(uninitialized: Shape(student.shape.sizes.dropLast() + [foreground])),
      isPresent: [Bool](repeating: true, count: foreground))
  }
}
