// Convolution over the joined channels of several inputs, some of them upsampled first: what a decoder does with its skip
// connection and the coarser level. Neither the joined nor the upsampled tensor is made: each input goes through its own slice of
// the weights, and the results are added up. Axes: B batch, D H W voxels, C channels, O output channels.

import Kernels

/// One input of a joined convolution.
public enum ConvolutionInput {
  /// A tensor as it is, [B, D, H, W, C].
  case same(Tensor)
  /// [B, D/2, H/2, W/2, C], upsampled trilinearly by 2 (align_corners false).
  case upsampledTrilinear(Tensor)
  /// [B, D/fD, H/fH, W/fW, C], upsampled by `factors` (D, H, W) to the nearest neighbour.
  case upsampledNearest(Tensor, factors: [Int])

  public var tensor: Tensor {
    switch self {
    case .same(let x), .upsampledTrilinear(let x), .upsampledNearest(let x, _): x
    }
  }

  /// The same kind of input made of another tensor.
  fileprivate func with(_ x: Tensor) -> ConvolutionInput {
    switch self {
    case .same: .same(x)
    case .upsampledTrilinear: .upsampledTrilinear(x)
    case .upsampledNearest(_, let factors): .upsampledNearest(x, factors: factors)
    }
  }

  /// How each axis is upsampled, nil if none is.
  fileprivate var upsampling: [Upsampling]? {
    switch self {
    case .same: nil
    case .upsampledTrilinear: [.linear, .linear, .linear]
    case .upsampledNearest(_, let factors): factors.allSatisfy { $0 == 1 } ? nil : factors.map { .nearest($0) }
    }
  }
}

extension Tape {
  /// Convolution with stride 1 of the inputs' channels side by side; one of them at least must be `same`.
  /// - Shape: weight [O, ΣC, kD, kH, kW] with odd kernels, bias [O]; result [B, D, H, W, O].
  public func convolution(joining inputs: [ConvolutionInput], weight: Parameter, bias: Parameter? = nil) -> Tensor {
    let parts = joinedParts(inputs, weight: weight, bias: bias)
    guard let plain = parts.first(where: { $0.isPlain }) else {
      fatalError("joined convolution \(weight.name): every input is upsampled: give one that has the result's size.")
    }
    let y = Tensor(uninitialized: Shape([plain.x.shape.batch] + plain.x.shape.spatial + [weight.shape[0]]))
    // Plain inputs first: the first of them overwrites y and brings the bias, the others add to it.
    for part in parts where part.isPlain { part.forward(into: y) }
    for part in parts where !part.isPlain { part.forward(into: y) }

    return record(
      "convolution", inputs: parts.map(\.x), parameters: [weight] + (bias.map { [$0] } ?? []), output: y,
      operations: parts.reduce(0) { $0 + $1.operations },
      layer: .convolution(
        upsampling: inputs.map(\.upsampling), stride: [1, 1, 1], padding: weight.shape.sizes[2...].map { $0 / 2 })
    ) { dy in
      let dw = Tensor(uninitialized: weight.shape), db = bias.map { Tensor(uninitialized: $0.shape) }
      // Upsampled inputs first: their gradients are small, and the large ones of plain inputs are not held meanwhile.
      for part in parts where !part.isPlain { part.backward(dy, dw, db, self) }
      for part in parts where part.isPlain { part.backward(dy, dw, db, self) }
      weight.accumulate(dw)
      if let bias, let db { bias.accumulate(db) }
    }
  }

  /// `recomputing` for a part of a network that begins with a joined convolution.
  public func recomputing(
    _ inputs: [ConvolutionInput], whole: Bool = true, _ body: @escaping (Tape, [ConvolutionInput]) -> Tensor
  ) -> Tensor {
    recomputing(inputs.map(\.tensor), whole: whole) { tape, tensors in body(tape, zip(inputs, tensors).map { $0.with($1) }) }
  }

  private func joinedParts(_ inputs: [ConvolutionInput], weight: Parameter, bias: Parameter?) -> [JoinedPart] {
    var first = 0, parts: [JoinedPart] = [], hasPlain = false
    for input in inputs {
      let isFirstPlain = input.upsampling == nil && !hasPlain
      hasPlain = hasPlain || isFirstPlain
      parts.append(
        JoinedPart(input, weight: weight, bias: isFirstPlain ? bias : nil, firstChannel: first, accumulates: !isFirstPlain))
      first += input.tensor.shape.channels
    }
    require(
      first == weight.shape[1] && Set(parts.map(\.outputSize)).count == 1,
      "convolution \(weight.name): inputs \(inputs.map(\.tensor.shape)) do not fit weights \(weight.shape): their channels must add up "
        + "to \(weight.shape[1]) and, once upsampled, their sizes must agree: is the patch divisible by the network's stride?")
    return parts
  }
}

/// One input with its slice of the weights.
private struct JoinedPart {
  let x: Tensor
  let outputSize: [Int]
  var isPlain: Bool { if case .plain = kernel { true } else { false } }
  private enum Kernel {
    case plain(ConvolutionShape)
    case upsampled(UpsampledConvolutionShape)
  }
  private let kernel: Kernel
  private let weight: Parameter
  private let bias: Parameter?
  /// Floats from the start of a row of the weights.
  private let offset: Int
  private let accumulates: Bool

  init(_ input: ConvolutionInput, weight: Parameter, bias: Parameter?, firstChannel: Int, accumulates: Bool) {
    x = input.tensor
    self.weight = weight
    self.bias = bias
    self.accumulates = accumulates
    let (outputs, stored, taps) = (weight.shape[0], weight.shape[1], Array(weight.shape.sizes[2...]))
    offset = firstChannel * taps.reduce(1, *)
    if let upsampling = input.upsampling {
      let shape = UpsampledConvolutionShape(
        batch: x.shape.batch, input: x.shape.spatial, inputChannels: x.shape.channels, outputChannels: outputs, kernel: taps,
        upsampling: upsampling, storedChannels: stored)
      (kernel, outputSize) = (.upsampled(shape), shape.output)
    } else {
      let shape = ConvolutionShape(
        batch: x.shape.batch, input: x.shape.spatial, inputChannels: x.shape.channels, outputChannels: outputs, kernel: taps,
        stride: [1, 1, 1], padding: taps.map { $0 / 2 }, bias: bias != nil, storedChannels: stored)
      (kernel, outputSize) = (.plain(shape), shape.output)
    }
  }

  /// Floating-point operations of the forward pass as the layer is defined: on the upsampled tensor.
  var operations: Double {
    switch kernel {
    case .plain(let shape): shape.operations
    case .upsampled(let shape): shape.operations
    }
  }

  func forward(into y: Tensor) {
    let weights = weight.value.pointer + offset
    switch kernel {
    case .plain(let shape):
      convolutionForward(shape, x: x.pointer, weights: weights, bias: bias?.value.pointer, y: y.pointer, accumulates: accumulates)
    case .upsampled(let shape): upsampledConvolutionForward(shape, x: x.pointer, weights: weights, addingTo: y.pointer)
    }
  }

  /// Overwrites this part's slice of dw, and db if it brings the bias; adds to the gradient of x if anybody asks for it (nobody does for
  /// an image).
  func backward(_ dy: Tensor, _ dw: Tensor, _ db: Tensor?, _ tape: Tape) {
    let dx = x.slot == nil ? nil : Tensor(uninitialized: x.shape)
    let slice = dw.pointer + offset, weights = weight.value.pointer + offset
    switch kernel {
    case .plain(let shape):
      convolutionBackwardWeights(shape, x: x.pointer, dy: dy.pointer, dw: slice, db: bias == nil ? nil : db?.pointer)
      if let dx { convolutionBackwardData(shape, dy: dy.pointer, weights: weights, dx: dx.pointer) }
    case .upsampled(let shape):
      upsampledConvolutionBackward(shape, x: x.pointer, dy: dy.pointer, weights: weights, dx: dx?.pointer, dw: slice)
    }
    if let dx { tape.accumulate(dx, for: x) }
  }
}
