// 3D convolution: y[b,d,h,w,o] = Σ w[o,i,kd,kh,kw] x[b, s·d+kd-p, …, i] + bias[o].

import Kernels

extension Tape {
  /// - Shape: x [B, D, H, W, I], weight [O, I, kD, kH, kW] or [O, I, kH, kW] of a plane, bias [O]; result [B, D', H', W', O].
  /// - Parameters: `stride` and `padding` in voxels, the same for the three axes unless given for each.
  public func convolution(
    _ x: Tensor, weight: Parameter, bias: Parameter? = nil, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0]
  ) -> Tensor {
    require(
      x.shape.rank == 5 && (4...5).contains(weight.shape.rank) && x.shape.channels == weight.shape[1],
      "convolution \(weight.name): input \(x.shape) does not fit weights \(weight.shape): the input needs \(weight.shape[1]) channels."
    )
    let shape = ConvolutionShape(
      batch: x.shape.batch, input: x.shape.spatial, inputChannels: x.shape.channels, outputChannels: weight.shape[0],
      kernel: weight.kernel, stride: stride, padding: padding, bias: bias != nil)
    let y = Tensor(uninitialized: Shape([x.shape.batch] + shape.output + [shape.outputChannels]))
    convolutionForward(shape, x: x.pointer, weights: weight.value.pointer, bias: bias?.value.pointer, y: y.pointer)

    return record(
      "convolution", inputs: [x], parameters: [weight] + (bias.map { [$0] } ?? []), output: y, operations: shape.operations,
      layer: .convolution(upsampling: [nil], stride: stride, padding: padding)
    ) { dy in
      if !weight.isFrozen {
        let dw = Tensor(uninitialized: weight.shape), db = bias.map { Tensor(uninitialized: $0.shape) }
        convolutionBackwardWeights(shape, x: x.pointer, dy: dy.pointer, dw: dw.pointer, db: db?.pointer)
        weight.accumulate(dw)
        if let bias, let db { bias.accumulate(db) }
      }
      guard x.slot != nil else { return }  // the first layer: nobody asks for the image's gradient
      let dx = Tensor(uninitialized: x.shape)
      convolutionBackwardData(shape, dy: dy.pointer, weights: weight.value.pointer, dx: dx.pointer)
      self.accumulate(dx, for: x)
    }
  }
}

extension Parameter {
  /// The sides kD, kH, kW of a convolution's kernel; kD is 1 for one of a plane.
  var kernel: [Int] { [Int](repeating: 1, count: 5 - shape.rank) + shape.sizes[2...] }
}
