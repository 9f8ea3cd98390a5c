// The 3D U-Net of the semi-supervised literature (HiLab-git/SSL4MIS, code/networks/unet_3D.py): five levels, two 3x3x3 convolutions
// with instance normalisation and ReLU at each, max-pooling down, trilinear upsampling by 2 up, dropout 0.3 after the bottleneck
// and before the head. Convolution biases in front of instance normalisation have no effect: they are kept for the state dict and
// left out of the arithmetic.
// Axes: B batch, D H W voxels, C channels, K classes.

import Learning
import Settings
import Tensors

public final class UNet3D: EncoderDecoder {
  public static let name = "unet3d"
  public static let summary = "3D U-Net, instance normalisation, trilinear upsampling (SSL4MIS)"
  public static let heads = "final."
  public static let decoder = ["up_concat", heads]
  static let base = Setting("base", default: 16, in: 1...mostChannels, "Channels of the first level; each level doubles them.")
  public static let options: [any SettingDescription] = [base]
  private static let dropout = 0.3

  public let parameters: ParameterSet
  public let divisor = [16, 16, 16]
  public let levelChannels: [Int]

  public init(_ plan: NetworkPlan) throws(NetworkError) {
    levelChannels = try Self.widths(plan)
    parameters = ParameterSet(try Self.specification(plan), seed: plan.seed)
  }

  private static func widths(_ plan: NetworkPlan) throws(NetworkError) -> [Int] {
    let base = try settings(plan)[Self.base]
    return (0..<5).map { base << $0 }
  }

  public static func specification(_ plan: NetworkPlan) throws(NetworkError) -> [ParameterSpecification] {
    let width = try widths(plan)
    func block(_ name: String, _ inputs: Int, _ outputs: Int, level: Int) -> [ParameterSpecification] {
      let stride = [Int](repeating: 1 << level, count: 3)
      return [ParameterSpecification].convolution("\(name).conv1.0", inputs: inputs, outputs: outputs, stride: stride, .kaiming)
        + [ParameterSpecification].convolution("\(name).conv2.0", inputs: outputs, outputs: outputs, stride: stride, .kaiming)
    }
    var all = block("conv1", plan.inputChannels, width[0], level: 0)
    for level in 1..<4 { all += block("conv\(level + 1)", width[level - 1], width[level], level: level) }
    all += block("center", width[3], width[4], level: 4)
    for level in (0..<4).reversed() {
      all += block("up_concat\(level + 1).conv", width[level] + width[level + 1], width[level], level: level)
    }
    return all
      + [ParameterSpecification].convolution(
        "final", inputs: width[0], outputs: plan.classes, kernel: [1, 1, 1], stride: [1, 1, 1], .kaiming)
  }

  public func encoded(_ x: Tensor, mode: ForwardMode, on tape: Tape) -> [Tensor] {
    var levels: [Tensor] = [], features = x
    for level in 1...4 {
      features = block("conv\(level)", [.same(features)], level: level - 1, parameters, tape)
      levels.append(features)
      features = tape.maxPooling(features)
    }
    return levels + [block("center", [.same(features)], level: 4, parameters, tape)]
  }

  public func decoded(
    _ levels: [Tensor], by parameters: ParameterSet, keeping layers: [FeatureLayer], mode: ForwardMode, on tape: Tape
  ) -> (logits: Tensor, features: [Tensor]) {
    var kept = KeptFeatures(layers, of: self)
    kept.keep(levels[4], level: 4)
    var features = dropped(levels[4], layer: 0, mode, tape)
    for level in (1...4).reversed() {
      // The backward pass of the finest block comes while most of the rest is still held: smaller parts need less.
      features = block(
        "up_concat\(level).conv", [.same(levels[level - 1]), .upsampledTrilinear(features)], level: level - 1, apart: level == 1,
        parameters, tape)
      kept.keep(features, level: level - 1)
    }
    return (classified(dropped(features, layer: 1, mode, tape), by: parameters, on: tape), kept.inOrder)
  }

  /// - Parameter apart: two parts for a lean tape instead of one.
  private func block(
    _ name: String, _ inputs: [ConvolutionInput], level: Int, apart: Bool = false, _ parameters: ParameterSet, _ tape: Tape
  ) -> Tensor {
    func convolved(_ name: String, _ inputs: [ConvolutionInput], endsPart: Bool, _ tape: Tape) -> Tensor {
      let raw = tape.convolution(joining: inputs, weight: parameters["\(name).weight"])
      return tape.instanceNormalization(raw, slope: 0, endsPart: endsPart)
    }
    return tape.recomputing(inputs, whole: !apart && level < keptLevel) { tape, inputs in
      let first = tape.recomputing(inputs, whole: apart) { convolved("\(name).conv1.0", $1, endsPart: apart, $0) }
      return tape.recomputing([.same(first)], whole: apart) { convolved("\(name).conv2.0", $1, endsPart: true, $0) }
    }
  }

  private func dropped(_ x: Tensor, layer: UInt64, _ mode: ForwardMode, _ tape: Tape) -> Tensor {
    guard case .training(let key?) = mode else { return x }
    return tape.dropout(x, probability: Self.dropout, key: key.child(layer))
  }
}
