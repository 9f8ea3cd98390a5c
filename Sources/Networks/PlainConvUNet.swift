// nnU-Net's default network (MIC-DKFZ/dynamic-network-architectures, dynamic_network_architectures/architectures/unet.py): two
// convolutions with affine instance normalisation and leaky ReLU in each stage, strided convolutions down, transposed ones up,
// joined skips, a head on every decoder stage. Biases of convolutions in front of a normalisation have no effect: they are kept for
// the state dict and left out of the arithmetic.
// Axes: B batch, D H W voxels, C channels, K classes.

import Kernels
import Learning
import Settings
import Tensors

public final class PlainConvUNet: HeadedNetwork {
  public static let name = "plainconvunet"
  public static let summary = "nnU-Net's default network, any kernels and strides, deep supervision"
  public static let heads = "decoder.seg_layers."
  private static let base = Setting(
    "base", default: 32, in: 1...mostChannels, "Channels of the first stage; each stage doubles them, up to `most`.")
  private static let most = Setting("most", default: 320, in: 1...mostChannels, "Channels that no stage exceeds.")
  private static let widths = Setting<[Int]?>(
    "widths", default: nil, .optional(.plainIntegers(upTo: mostChannels)),
    "Channels of every stage, instead of those that follow from base and most.")
  private static let strides = Setting(
    "strides", default: [[Int]](repeating: [2, 2, 2], count: 5), .triples(upTo: 8, count: 12),
    "D,H,W of each step down; there is one more stage than steps.")
  private static let kernels = Setting<[[Int]]?>(
    "kernels", default: nil, .optional(.triples(upTo: 63, count: 13)),
    "D,H,W of every stage's kernels, odd numbers; 3,3,3 throughout if nothing is given.")
  public static let options: [any SettingDescription] = [base, most, widths, strides, kernels]
  private static let slope: Float = 0.01

  /// Everything that the options decide; stages from the finest to the coarsest.
  private struct Form {
    let widths: [Int]
    /// D, H, W of every stage's kernels.
    let kernels: [[Int]]
    /// D, H, W of each step down.
    let strides: [[Int]]
    var coarsest: Int { strides.count }

    init(_ plan: NetworkPlan) throws(NetworkError) {
      let settings = try PlainConvUNet.settings(plan)
      let steps = settings[PlainConvUNet.strides], stages = steps.count + 1, base = settings[PlainConvUNet.base],
        most = settings[PlainConvUNet.most]
      func require(_ isRight: Bool, _ setting: any SettingDescription, _ wanted: String) throws(NetworkError) {
        if isRight { return }
        throw NetworkError(
          "network plainconvunet: \(setting.name) is \"\(plan.options[setting.name] ?? "")\" but must be \(wanted), "
            + "one for each stage, because strides has \(steps.count).")
      }
      widths = settings[PlainConvUNet.widths] ?? (0..<stages).map { min(most, base << min($0, 20)) }
      try require(widths.count == stages, PlainConvUNet.widths, "\(stages) positive whole numbers")
      kernels = settings[PlainConvUNet.kernels] ?? [[Int]](repeating: [3, 3, 3], count: stages)
      strides = steps
      let isOdd = kernels.joined().allSatisfy { $0 % 2 == 1 }
      try require(isOdd && kernels.count == stages, PlainConvUNet.kernels, "\(stages) triples of odd numbers")
    }
  }

  public let parameters: ParameterSet
  public let divisor: [Int]
  private let form: Form

  public init(_ plan: NetworkPlan) throws(NetworkError) {
    form = try Form(plan)
    let specification = try Self.specification(plan)
    divisor = specification.divisor
    parameters = ParameterSet(specification, seed: plan.seed)
  }

  public static func specification(_ plan: NetworkPlan) throws(NetworkError) -> [ParameterSpecification] {
    let form = try Form(plan), width = form.widths
    func convolution(
      _ name: String, _ inputs: Int, _ outputs: Int, kernel: [Int], transposed: Bool = false, at stage: Int
    ) -> [ParameterSpecification] {
      .convolution(
        name, inputs: inputs, outputs: outputs, kernel: kernel, transposed: transposed,
        stride: form.strides.voxels(ofStage: stage),
        .kaimingLeaky)
    }
    func stage(_ name: String, _ inputs: Int, at stage: Int) -> [ParameterSpecification] {
      (0..<2).flatMap { number -> [ParameterSpecification] in
        convolution(
          "\(name).convs.\(number).conv", number == 0 ? inputs : width[stage], width[stage], kernel: form.kernels[stage],
          at: stage)
          + .normalization("\(name).convs.\(number).norm", channels: width[stage])
      }
    }
    var all: [ParameterSpecification] = []
    for s in 0...form.coarsest { all += stage("encoder.stages.\(s).0", s == 0 ? plan.inputChannels : width[s - 1], at: s) }
    let finer = Array((0..<form.coarsest).reversed())
    for (u, s) in finer.enumerated() { all += stage("decoder.stages.\(u)", 2 * width[s], at: s) }
    for (u, s) in finer.enumerated() {
      all += convolution(
        "decoder.transpconvs.\(u)", width[s + 1], width[s], kernel: form.strides[s], transposed: true, at: s + 1)
    }
    for (u, s) in finer.enumerated() {
      all += convolution("decoder.seg_layers.\(u)", width[s], plan.classes, kernel: [1, 1, 1], at: s)
    }
    return all
  }

  public var levelChannels: [Int] { form.widths }

  public var headCount: Int { form.coarsest }

  func decoded(
    _ x: Tensor, heads: [Int], keeping layers: [FeatureLayer], _ tape: Tape
  ) -> (logits: [Tensor], features: [Tensor]) {
    var skips: [Tensor] = [], features = x, kept = KeptFeatures(layers, of: self)
    for s in 0...form.coarsest {
      let stride = s == 0 ? [1, 1, 1] : form.strides[s - 1], padding = form.kernels[s].map { $0 / 2 }
      features = stage("encoder.stages.\(s).0", [features], level: s, tape) { tape, inputs, weight in
        tape.convolution(inputs[0], weight: weight, stride: stride, padding: padding)
      }
      skips.append(features)
    }
    kept.keep(features, level: form.coarsest)
    var logits: [Tensor] = []
    for u in 0..<form.coarsest {
      let up = weights("decoder.transpconvs.\(u)")
      // The backward pass of the finest stage comes while most of the rest is still held: smaller parts need less.
      let level = form.coarsest - 1 - u
      features = stage("decoder.stages.\(u)", [features, skips[level]], level: level, apart: level == 0, tape) {
        tape, inputs, weight in
        let upsampled = tape.transposedConvolution(inputs[0], weight: up.weight, bias: up.bias)
        return tape.convolution(joining: [.same(upsampled), .same(inputs[1])], weight: weight)
      }
      kept.keep(features, level: level)
      if heads.contains(u) {
        let (weight, bias) = weights("decoder.seg_layers.\(u)")
        logits.append(tape.convolution(features, weight: weight, bias: bias))
      }
    }
    return (logits, kept.inOrder)
  }

  /// Two convolutions, the first of them as `first` makes it from the inputs and its weight.
  /// - Parameter apart: two parts for a lean tape instead of one.
  private func stage(
    _ name: String, _ inputs: [Tensor], level: Int, apart: Bool = false, _ tape: Tape,
    first: @escaping (Tape, [Tensor], Parameter) -> Tensor
  ) -> Tensor {
    tape.recomputing(inputs, whole: !apart && level < keptLevel) { [self] tape, inputs in
      let x = tape.recomputing(inputs, whole: apart) { [self] tape, inputs in
        let raw = first(tape, inputs, parameters["\(name).convs.0.conv.weight"])
        return activated("\(name).convs.0", raw, endsPart: apart, tape)
      }
      return tape.recomputing([x], whole: apart) { [self] tape, inputs in
        let raw = tape.convolution(joining: [.same(inputs[0])], weight: parameters["\(name).convs.1.conv.weight"])
        return activated("\(name).convs.1", raw, endsPart: true, tape)
      }
    }
  }

  private func activated(_ name: String, _ x: Tensor, endsPart: Bool, _ tape: Tape) -> Tensor {
    tape.normalization(x, .ofSamples, affine: weights("\(name).norm"), slope: Self.slope, endsPart: endsPart)
  }

  private func weights(_ name: String) -> (weight: Parameter, bias: Parameter) {
    (parameters["\(name).weight"], parameters["\(name).bias"])
  }
}
