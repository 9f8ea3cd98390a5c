// Convolution whose kernel equals its stride (V-Net's way down) and its transpose (the way up of V-Net and nnU-Net's network).
// Axes: B batch, D H W voxels of the coarser grid, f factor along each, I input channels, O output channels.

import Kernels

extension Tape {
  /// Convolution with stride = kernel and no padding.
  /// - Shape: x [B, fD·D, fH·H, fW·W, I], weight [O, I, fD, fH, fW] or [O, I, fH, fW] of a plane, bias [O]; result [B, D, H, W, O].
  public func patchConvolution(_ x: Tensor, weight: Parameter, bias: Parameter? = nil) -> Tensor {
    let factors = weight.kernel, spatial = x.shape.spatial
    require(
      x.shape.channels == weight.shape[1] && (0..<3).allSatisfy { spatial[$0] % factors[$0] == 0 },
      "patch convolution \(weight.name): input \(x.shape) does not fit weights \(weight.shape): the input needs \(weight.shape[1]) "
        + "channels and sides divisible by \(factors): choose another patch size.")
    let shape = PatchShape(
      batch: x.shape.batch, coarse: (0..<3).map { spatial[$0] / factors[$0] }, factors: factors, coarseChannels: weight.shape[0],
      fineChannels: weight.shape[1])
    let y = Tensor(uninitialized: Shape([shape.batch] + shape.coarse + [shape.coarseChannels]))
    collectPatches(shape, fine: x.pointer, weights: weight.value.pointer, bias: bias?.value.pointer, into: y.pointer)
    return record(
      "patchConvolution", inputs: [x], parameters: [weight] + (bias.map { [$0] } ?? []), output: y, operations: shape.operations,
      layer: .convolution(upsampling: [nil], stride: factors, padding: [0, 0, 0])
    ) { dy in
      if !weight.isFrozen { self.accumulateWeights(weight, bias, shape, coarse: dy, fine: x, gradient: dy) }
      guard x.slot != nil else { return }
      let dx = Tensor(uninitialized: x.shape)
      spreadPatches(shape, coarse: dy.pointer, weights: weight.value.pointer, bias: nil, into: dx.pointer)
      self.accumulate(dx, for: x)
    }
  }

  /// Transposed convolution with stride = kernel: each voxel becomes a block of fD x fH x fW voxels.
  /// - Shape: x [B, D, H, W, I], weight [I, O, fD, fH, fW] or [I, O, fH, fW] of a plane, bias [O]; result [B, fD·D, fH·H, fW·W, O].
  public func transposedConvolution(_ x: Tensor, weight: Parameter, bias: Parameter? = nil) -> Tensor {
    require(
      x.shape.channels == weight.shape[0],
      "transposed convolution \(weight.name): input \(x.shape) does not fit weights \(weight.shape): "
        + "the input needs \(weight.shape[0]) channels.")
    let shape = PatchShape(
      batch: x.shape.batch, coarse: x.shape.spatial, factors: weight.kernel, coarseChannels: weight.shape[0],
      fineChannels: weight.shape[1])
    let fine = (0..<3).map { shape.coarse[$0] * shape.factors[$0] }
    let y = Tensor(uninitialized: Shape([shape.batch] + fine + [shape.fineChannels]))
    spreadPatches(shape, coarse: x.pointer, weights: weight.value.pointer, bias: bias?.value.pointer, into: y.pointer)
    return record(
      "transposedConvolution", inputs: [x], parameters: [weight] + (bias.map { [$0] } ?? []), output: y,
      operations: shape.operations, layer: .transposedConvolution
    ) { dy in
      if !weight.isFrozen { self.accumulateWeights(weight, bias, shape, coarse: x, fine: dy, gradient: dy) }
      guard x.slot != nil else { return }
      let dx = Tensor(uninitialized: x.shape)
      collectPatches(shape, fine: dy.pointer, weights: weight.value.pointer, bias: nil, into: dx.pointer)
      self.accumulate(dx, for: x)
    }
  }

  private func accumulateWeights(
    _ weight: Parameter, _ bias: Parameter?, _ shape: PatchShape, coarse: Tensor, fine: Tensor, gradient: Tensor
  ) {
    let dw = Tensor(uninitialized: weight.shape)
    patchWeightGradient(shape, coarse: coarse.pointer, fine: fine.pointer, into: dw.pointer)
    weight.accumulate(dw)
    guard let bias else { return }
    let sums = columnSums(gradient.pointer, rows: gradient.shape.rows, channels: gradient.shape.channels)
    bias.accumulate(Tensor(sums.map { Float($0) }, shape: bias.shape))
  }
}
