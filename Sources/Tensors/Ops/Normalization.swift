// Normalisation with what surrounds it, in one pass over memory: z = weight · (x - mean) / √(variance + ε) + bias, then max(z, slope·z), and
// a sum before the activation (residual block) or after it (summed skip connection). Axes: B batch, D H W voxels, C channels.

import Kernels

/// The source of mean and variance.
public enum NormalizationMoments {
  /// The voxels of each sample: instance normalisation.
  case ofSamples
  /// The voxels of the whole batch: batch normalisation in training. `observe` gets what was found (biased variance) and in how
  /// many rows.
  case ofBatch(observe: (ChannelMoments, _ rows: Int) -> Void)
  /// Given moments: batch normalisation after training.
  case fixed(ChannelMoments)
}

extension Tape {
  /// - Shape: x [B, D, H, W, C], weight and bias [C]; result, and what is added, like x.
  /// - Parameters:
  ///   - affine: weight and bias of each channel; nil for 1 and 0.
  ///   - slope: factor for negative values: 0 is ReLU, 0.01 leaky ReLU, 1 no activation.
  ///   - owning: nobody else reads x or what is added before the activation: the result takes the addend's memory, the gradient x's.
  ///   - endsPart: the result is that of a part that a lean tape computes twice: nobody reads it the second time.
  ///   - epsilon: added to the (biased) variance.
  public func normalization(
    _ x: Tensor, _ moments: NormalizationMoments, affine: (weight: Parameter, bias: Parameter)? = nil, slope: Float,
    adding sum: NormalizationSum<Tensor> = .none, owning: Bool = false, endsPart: Bool = false, epsilon: Double = 1e-5
  ) -> Tensor {
    let channels = x.shape.channels, slabs = moments.slabs(x), rows = x.shape.rows / slabs, size = rows * channels
    let addend = sum.addend
    require(
      addend == nil || addend!.shape == x.shape, "normalization of \(x.shape) with a sum of \(addend!.shape): shapes must agree.")
    let isSkipped = endsPart && skipsEnds && !sum.isBeforeActivation
    let y = isSkipped ? x.detached : owning && addend != nil ? addend!.detached : Tensor(uninitialized: x.shape)
    let normalizations = (0..<slabs).map { slab in
      let normalization = SlabNormalization(
        moments.find(x.pointer + slab * size, rows: rows, channels: channels, isRepeating: isRepeating), epsilon: epsilon,
        weight: affine?.weight.value.pointer, bias: affine?.bias.value.pointer)
      if isSkipped { return normalization }
      normalizeAndActivate(
        x.pointer + slab * size, into: y.pointer + slab * size, rows: rows, channels: channels, normalization, slope: slope,
        adding: sum.map { UnsafePointer($0.pointer + slab * size) })
      return normalization
    }
    // Kept for the way back: x, and y only where something was added to z. What was added is not.
    let momentsOfX = moments.areOfX, place = addend?.place
    let summed = sum.isBeforeActivation ? y : nil
    return record(
      "normalization", inputs: [x] + (addend.map { [$0] } ?? []), parameters: affine.map { [$0.weight, $0.bias] } ?? [],
      output: y,
      layer: .normalization(moments, slope: slope, sum: sum.map { _ in }, epsilon: epsilon)
    ) { dy in
      // dy is ours to use up: it becomes the addend's gradient, or else the input's.
      let dx = place == nil ? dy : owning && !self.keepsRecords ? x.detached : Tensor(uninitialized: x.shape)
      for slab in 0..<slabs {
        let at = slab * size
        let found = NormalizationGradient(
          dy: dy.pointer + at, x: x.pointer + at, dx: dx.pointer + at,
          residual: summed.map { (UnsafePointer($0.pointer + at), dy.pointer + at) }
        ).run(rows: rows, channels: channels, normalizations[slab], slope: slope, momentsOfX: momentsOfX)
        guard let affine else { continue }
        affine.weight.accumulate(Tensor(found.weight.map { Float($0) }, shape: affine.weight.shape))
        affine.bias.accumulate(Tensor(found.bias.map { Float($0) }, shape: affine.bias.shape))
      }
      self.accumulate(dx, for: x)
      if let place { self.accumulate(dy, at: place) }
    }
  }

  /// Instance normalisation without weight and bias, and its activation.
  public func instanceNormalization(_ x: Tensor, slope: Float, endsPart: Bool = false) -> Tensor {
    normalization(x, .ofSamples, slope: slope, endsPart: endsPart)
  }
}

extension NormalizationMoments {
  /// Parts of the batch that are normalised each by itself.
  fileprivate func slabs(_ x: Tensor) -> Int { if case .ofSamples = self { x.shape.batch } else { 1 } }

  fileprivate var areOfX: Bool { if case .fixed = self { false } else { true } }

  /// - Parameter isRepeating: the same voxels were observed before.
  fileprivate func find(_ x: UnsafePointer<Float>, rows: Int, channels: Int, isRepeating: Bool) -> ChannelMoments {
    if case .fixed(let moments) = self { return moments }
    require(rows > 1, "normalization of \(rows) voxel: one voxel has no variance: use a larger patch.")
    let found = channelMoments(x, rows: rows, channels: channels)
    if case .ofBatch(let observe) = self, !isRepeating { observe(found, rows) }
    return found
  }
}

extension NormalizationSum<Tensor> {
  fileprivate var isBeforeActivation: Bool { if case .beforeActivation = self { true } else { false } }

  fileprivate var addend: Tensor? {
    switch self {
    case .none: nil
    case .beforeActivation(let addend), .afterActivation(let addend): addend
    }
  }
}
