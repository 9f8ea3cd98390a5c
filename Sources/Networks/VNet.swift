// The V-Net of the semi-supervised literature (yulequan/UA-MT, code/networks/vnet.py): plain blocks of 3x3x3 convolutions, 2x2x2
// strided convolutions down, transposed ones up, skip connections that are added, batch normalisation and ReLU after every
// convolution; or with MagicNet's instance normalisation, which has neither weights nor dropout. Convolution biases in front of a
// normalisation by the data's own mean have no effect: they are kept for the state dict, enter the running mean, and take part in
// the arithmetic only where that running mean is used. Axes: B batch, D H W voxels, C channels, K classes.

import Kernels
import Learning
import Settings
import Tensors

public final class VNet: EncoderDecoder {
  public static let name = "vnet"
  public static let summary =
    "V-Net with plain blocks and added skips, batch normalisation (UA-MT) or instance normalisation (MagicNet)"
  public static let heads = "out_conv."
  public static let decoder = ["block_five_up", "block_six", "block_seven", "block_eight", "block_nine", heads]
  private static let base = Setting(
    "base", default: 16, in: 1...mostChannels, "Channels of the first level; each level doubles them.")
  private static let normalization = Setting(
    "norm", default: Norm.batch,
    "Normalisation: batch has weights, running statistics and dropout of channels (UA-MT); instance has none of them (MagicNet).")
  public static let options: [any SettingDescription] = [base, normalization]
  private enum Norm: String, CaseIterable { case batch, instance }
  private static let dropout = 0.5
  /// Convolutions of each block: five down, four up.
  private static let depths = [1, 2, 3, 3, 3, 3, 3, 2, 1]
  private static let blocks = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"].map { "block_\($0)" }

  public let parameters: ParameterSet
  public let statistics: RunningStatistics?
  public let divisor = [16, 16, 16]
  public let levelChannels: [Int]
  private let norm: Norm

  public init(_ plan: NetworkPlan) throws(NetworkError) {
    norm = try Self.settings(plan)[Self.normalization]
    levelChannels = try Self.widths(plan)
    parameters = ParameterSet(try Self.specification(plan), seed: plan.seed)
    statistics = norm == .instance ? nil : RunningStatistics(try Self.layers(plan).map { ($0.normalization, $0.outputs) })
  }

  /// One convolution with its normalisation.
  private struct Layer {
    enum Kind { case same, halving, doubling }
    let kind: Kind
    /// State-dict names.
    let convolution, normalization: String
    let inputs, outputs: Int
    /// The level of the coarser of its two grids: halvings since the image.
    let level: Int

    init(_ kind: Kind, _ block: String, number: Int = 0, inputs: Int, outputs: Int, level: Int) {
      (self.kind, self.inputs, self.outputs, self.level) = (kind, inputs, outputs, level)
      (convolution, normalization) = Self.names(block, number)
    }

    /// A block is a list of convolution, normalisation, ReLU, and so on.
    static func names(_ block: String, _ number: Int) -> (convolution: String, normalization: String) {
      ("\(block).conv.\(3 * number)", "\(block).conv.\(3 * number + 1)")
    }

    var specification: [ParameterSpecification] {
      [ParameterSpecification].convolution(
        convolution, inputs: inputs, outputs: outputs, kernel: kind == .same ? [3, 3, 3] : [2, 2, 2],
        transposed: kind == .doubling, stride: [Int](repeating: 1 << level, count: 3), .uniform)
    }
  }

  private static func widths(_ plan: NetworkPlan) throws(NetworkError) -> [Int] {
    let base = try settings(plan)[Self.base]
    return (0..<5).map { base << $0 }
  }

  /// All layers in the order of the state dict, which is that of the forward pass.
  private static func layers(_ plan: NetworkPlan) throws(NetworkError) -> [Layer] {
    let width = try widths(plan)
    var layers: [Layer] = []
    for (position, block) in blocks.enumerated() {
      let level = min(position, 8 - position)
      for number in 0..<depths[position] {
        let inputs = position == 0 && number == 0 ? plan.inputChannels : width[level]
        layers.append(Layer(.same, block, number: number, inputs: inputs, outputs: width[level], level: level))
      }
      if position < 4 {
        layers.append(Layer(.halving, block + "_dw", inputs: width[level], outputs: width[level + 1], level: level + 1))
      } else if position < 8 {
        layers.append(Layer(.doubling, block + "_up", inputs: width[level], outputs: width[level - 1], level: level))
      }
    }
    return layers
  }

  public static func specification(_ plan: NetworkPlan) throws(NetworkError) -> [ParameterSpecification] {
    let isAffine = try settings(plan)[Self.normalization] == .batch, layers = try layers(plan)
    return layers.flatMap { layer in
      layer.specification
        + (isAffine ? [ParameterSpecification].normalization(layer.normalization, channels: layer.outputs) : [])
    }
      + [ParameterSpecification].convolution(
        "out_conv", inputs: layers.last!.outputs, outputs: plan.classes, kernel: [1, 1, 1], stride: [1, 1, 1], .uniform)
  }

  public func encoded(_ x: Tensor, mode: ForwardMode, on tape: Tape) -> [Tensor] {
    (0..<5).reduce(into: []) { levels, position in
      levels.append(stage(position, [levels.last ?? x], parameters, mode, tape))
    }
  }

  public func decoded(
    _ levels: [Tensor], by parameters: ParameterSet, keeping layers: [FeatureLayer], mode: ForwardMode, on tape: Tape
  ) -> (logits: Tensor, features: [Tensor]) {
    var kept = KeptFeatures(layers, of: self)
    kept.keep(levels[4], level: 4)
    var features = dropped(levels[4], layer: 0, mode, tape)
    // The backward pass of the finest stage comes while most of the rest is still held: smaller parts need less.
    for position in 5..<9 {
      features = stage(position, [features, levels[8 - position]], apart: position == 8, parameters, mode, tape)
      kept.keep(features, level: 8 - position)
    }
    return (classified(dropped(features, layer: 1, mode, tape), by: parameters, on: tape), kept.inOrder)
  }

  /// A block, after the layer that leads to its level.
  /// - Parameters:
  ///   - inputs: the features, and the skip connection that is added on the way up.
  ///   - apart: a part for each layer on a lean tape instead of one.
  private func stage(
    _ position: Int, _ inputs: [Tensor], apart: Bool = false, _ parameters: ParameterSet, _ mode: ForwardMode, _ tape: Tape
  ) -> Tensor {
    tape.recomputing(inputs, whole: !apart && min(position, 8 - position) < keptLevel) { [self] tape, inputs in
      let count = Self.depths[position]
      let first = position == 0 ? inputs[0] : entrance(position, inputs, apart: apart, parameters, mode, tape)
      return (0..<count).reduce(first) { x, number in
        tape.recomputing([x], whole: apart) { [self] in
          layer(
            .same, Self.blocks[position], number: number, $1, endsPart: apart || number == count - 1, parameters, mode, $0)
        }
      }
    }
  }

  /// The layer that leads from the level before to that of a block.
  private func entrance(
    _ position: Int, _ inputs: [Tensor], apart: Bool, _ parameters: ParameterSet, _ mode: ForwardMode, _ tape: Tape
  ) -> Tensor {
    let isDown = position <= 4, name = Self.blocks[position - 1] + (isDown ? "_dw" : "_up")
    return tape.recomputing(inputs, whole: apart) { [self] in
      layer(isDown ? .halving : .doubling, name, $1, endsPart: apart, parameters, mode, $0)
    }
  }

  /// Convolution, normalisation, ReLU, and the sum with a second input after it.
  private func layer(
    _ kind: Layer.Kind, _ block: String, number: Int = 0, _ inputs: [Tensor], endsPart: Bool,
    _ parameters: ParameterSet, _ mode: ForwardMode, _ tape: Tape
  ) -> Tensor {
    let (convolution, normalization) = Layer.names(block, number)
    let weight = parameters["\(convolution).weight"], bias = parameters["\(convolution).bias"]
    let (moments, usedBias) = moments(normalization, bias, isOwn: parameters === self.parameters, mode)
    let raw =
      switch kind {
      case .same: tape.convolution(inputs[0], weight: weight, bias: usedBias, padding: [1, 1, 1])
      case .halving: tape.patchConvolution(inputs[0], weight: weight, bias: usedBias)
      case .doubling: tape.transposedConvolution(inputs[0], weight: weight, bias: usedBias)
      }
    let affine = norm == .batch ? (parameters["\(normalization).weight"], parameters["\(normalization).bias"]) : nil
    let sum = inputs.count > 1 ? NormalizationSum.afterActivation(inputs[1]) : .none
    return tape.normalization(raw, moments, affine: affine, slope: 0, adding: sum, endsPart: endsPart)
  }

  /// What normalises a convolution's output, and the convolution's bias where it has an effect.
  /// - Parameter isOwn: whether the layer is the network's own: no other decoder has running statistics.
  private func moments(
    _ name: String, _ bias: Parameter, isOwn: Bool, _ mode: ForwardMode
  ) -> (NormalizationMoments, Parameter?) {
    guard let statistics else { return (.ofSamples, nil) }
    switch mode {
    case .training:
      return (.ofBatch { if isOwn { statistics.observe(name, $0, rows: $1, offset: bias) } }, nil)
    case .evaluation: return (.fixed(statistics[name]), bias)
    }
  }

  private func dropped(_ x: Tensor, layer: UInt64, _ mode: ForwardMode, _ tape: Tape) -> Tensor {
    guard norm == .batch, case .training(let key?) = mode else { return x }
    return tape.channelDropout(x, probability: Self.dropout, key: key.child(layer))
  }
}
