// STU-Net (Huang et al., arXiv:2304.06716; uni-medical/STU-Net, nnUNet-1.7.1/nnunet/network_architecture/STUNet.py): six stages of
// residual blocks with affine instance normalisation and leaky ReLU; strided convolutions down; nearest-neighbour upsampling,
// 1x1x1 convolution and joined skip up; a head on every decoder stage. The 1x1x1 convolution commutes with the upsampling, so it
// comes first, where there are fewer voxels. Biases of convolutions in front of a normalisation have no effect: they are kept
// for the state dict and left out of the arithmetic.
// Axes: B batch, D H W voxels, C channels, K classes.

import Kernels
import Learning
import Settings
import Tensors

public final class STUNet: HeadedNetwork {
  public static let name = "stunet"
  public static let summary = "STU-Net: residual U-Net in the sizes S, B, L, H and any other, any strides, deep supervision"
  public static let heads = "seg_outputs."
  private static let variant = Setting(
    "variant", default: Variant.S, "Published size: S, B, L and H have base 16, 32, 64 and 96 and depth 1, 1, 2 and 3.")
  private static let base = Setting<Int?>(
    "base", default: nil, .optional(.integer(in: 1...mostChannels)),
    "Channels of the first stage, instead of the variant's; the next stages have 2, 4, 8, 16 and 16 times as many.")
  private static let depth = Setting<Int?>(
    "depth", default: nil, .optional(.integer(in: 1...1000)), "Residual blocks in each stage, instead of the variant's.")
  private static let widths = Setting<[Int]?>(
    "widths", default: nil, .optional(.plainIntegers(count: 6, upTo: mostChannels)),
    "Channels of each of the six stages, instead of those that follow from base.")
  private static let strides = Setting(
    "strides", default: [[Int]](repeating: [2, 2, 2], count: 5), .triples(upTo: 8, count: 12),
    "D,H,W of each of the five steps down; fewer are filled up with 1,1,1, more are cut.")
  public static let options: [any SettingDescription] = [variant, base, depth, widths, strides]
  private enum Variant: String, CaseIterable {
    case S, B, L, H
    var base: Int {
      switch self {
      case .S: 16
      case .B: 32
      case .L: 64
      case .H: 96
      }
    }
    var depth: Int {
      switch self {
      case .S, .B: 1
      case .L: 2
      case .H: 3
      }
    }
  }
  private static let slope: Float = 0.01

  /// Everything that the options decide.
  private struct Form {
    let widths: [Int]
    let depth: Int
    /// D, H, W of each of the five steps down.
    let strides: [[Int]]

    init(_ plan: NetworkPlan) throws(NetworkError) {
      let settings = try STUNet.settings(plan), variant = settings[STUNet.variant]
      let base = settings[STUNet.base] ?? variant.base
      depth = settings[STUNet.depth] ?? variant.depth
      widths = settings[STUNet.widths] ?? [1, 2, 4, 8, 16, 16].map { base * $0 }
      strides = Array((settings[STUNet.strides] + [[Int]](repeating: [1, 1, 1], count: 5)).prefix(5))
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
    func stage(_ name: String, _ inputs: Int, _ outputs: Int, at place: Int) -> [ParameterSpecification] {
      (0..<form.depth).flatMap { block in
        Self.block(
          "\(name).\(block)", block == 0 ? inputs : outputs, outputs, projects: block == 0, form.strides.voxels(ofStage: place))
      }
    }
    func pointwise(_ name: String, _ inputs: Int, _ outputs: Int, at place: Int) -> [ParameterSpecification] {
      .convolution(
        name, inputs: inputs, outputs: outputs, kernel: [1, 1, 1], stride: form.strides.voxels(ofStage: place), .kaimingLeaky)
    }
    var all: [ParameterSpecification] = []
    for k in 0...5 { all += stage("conv_blocks_context.\(k)", k == 0 ? plan.inputChannels : width[k - 1], width[k], at: k) }
    for u in 0..<5 { all += pointwise("upsample_layers.\(u).conv", width[5 - u], width[4 - u], at: 5 - u) }
    for u in 0..<5 { all += stage("conv_blocks_localization.\(u)", 2 * width[4 - u], width[4 - u], at: 4 - u) }
    for u in 0..<5 { all += pointwise("seg_outputs.\(u)", width[4 - u], plan.classes, at: 4 - u) }
    return all
  }

  private static func block(
    _ name: String, _ inputs: Int, _ outputs: Int, projects: Bool, _ stride: [Int]
  ) -> [ParameterSpecification] {
    func convolution(_ number: Int, _ inputs: Int, kernel: Int) -> [ParameterSpecification] {
      .convolution(
        "\(name).conv\(number)", inputs: inputs, outputs: outputs, kernel: [kernel, kernel, kernel], stride: stride, .kaimingLeaky
      )
    }
    let normalizations = (1...2).map { [ParameterSpecification].normalization("\(name).norm\($0)", channels: outputs) }
    return convolution(1, inputs, kernel: 3) + normalizations[0] + convolution(2, outputs, kernel: 3) + normalizations[1]
      + (projects ? convolution(3, inputs, kernel: 1) : [])
  }

  public var levelChannels: [Int] { form.widths }

  public var headCount: Int { 5 }

  func decoded(
    _ x: Tensor, heads: [Int], keeping layers: [FeatureLayer], _ tape: Tape
  ) -> (logits: [Tensor], features: [Tensor]) {
    var skips: [Tensor] = [], features = x, kept = KeptFeatures(layers, of: self)
    for k in 0...5 {
      features = stage(
        "conv_blocks_context.\(k)", [.same(features)], stride: k == 0 ? [1, 1, 1] : form.strides[k - 1], level: k, tape)
      skips.append(features)
    }
    kept.keep(features, level: 5)
    var logits: [Tensor] = []
    // The backward pass of the finest stage comes while most of the rest is still held: smaller parts need less.
    for u in 0..<5 {
      let low = convolved("upsample_layers.\(u).conv", [.same(features)], tape)
      features = stage(
        "conv_blocks_localization.\(u)", [.upsampledNearest(low, factors: form.strides[4 - u]), .same(skips[4 - u])],
        stride: [1, 1, 1],
        level: 4 - u, apart: u == 4, tape)
      kept.keep(features, level: 4 - u)
      if heads.contains(u) { logits.append(convolved("seg_outputs.\(u)", [.same(features)], tape)) }
    }
    return (logits, kept.inOrder)
  }

  /// - Parameter apart: two parts of the first block for a lean tape instead of one.
  private func stage(
    _ name: String, _ inputs: [ConvolutionInput], stride: [Int], level: Int, apart: Bool = false, _ tape: Tape
  ) -> Tensor {
    let isPart = level < keptLevel
    let first = tape.recomputing(inputs, whole: !apart && isPart) { [self] tape, inputs in
      let x = tape.recomputing(inputs, whole: apart) { [self] in
        activated("\(name).0.conv1", "\(name).0.norm1", $1, stride: stride, endsPart: apart, $0)
      }
      return tape.recomputing(inputs + [.same(x)], whole: apart) { [self] tape, inputs in
        let shortcut = convolved("\(name).0.conv3", inputs.dropLast(), stride: stride, tape)
        return summed("\(name).0", inputs.last!, shortcut: shortcut, owning: true, tape)
      }
    }
    return (1..<form.depth).reduce(first) { x, block in
      tape.recomputing([.same(x)], whole: isPart) { [self] tape, inputs in
        let first = activated("\(name).\(block).conv1", "\(name).\(block).norm1", inputs, endsPart: false, tape)
        return summed("\(name).\(block)", .same(first), shortcut: inputs[0].tensor, owning: false, tape)
      }
    }
  }

  /// The first half of a block.
  private func activated(
    _ convolution: String, _ normalization: String, _ inputs: [ConvolutionInput], stride: [Int] = [1, 1, 1], endsPart: Bool,
    _ tape: Tape
  ) -> Tensor {
    let raw = convolved(convolution, inputs, stride: stride, bias: false, tape)
    return tape.normalization(raw, .ofSamples, affine: affine(normalization), slope: Self.slope, endsPart: endsPart)
  }

  /// The second half of a block.
  /// - Parameter owning: nobody else holds the shortcut.
  private func summed(_ name: String, _ x: ConvolutionInput, shortcut: Tensor, owning: Bool, _ tape: Tape) -> Tensor {
    tape.normalization(
      convolved("\(name).conv2", [x], bias: false, tape), .ofSamples, affine: affine("\(name).norm2"), slope: Self.slope,
      adding: .beforeActivation(shortcut), owning: owning)
  }

  private func affine(_ name: String) -> (weight: Parameter, bias: Parameter) {
    (parameters["\(name).weight"], parameters["\(name).bias"])
  }

  private func convolved(
    _ name: String, _ inputs: [ConvolutionInput], stride: [Int] = [1, 1, 1], bias: Bool = true, _ tape: Tape
  ) -> Tensor {
    let weight = parameters["\(name).weight"], bias = bias ? parameters["\(name).bias"] : nil
    guard inputs.count == 1, case .same(let x) = inputs[0] else {
      return tape.convolution(joining: inputs, weight: weight, bias: bias)
    }
    return tape.convolution(x, weight: weight, bias: bias, stride: stride, padding: weight.shape.sizes[2...].map { $0 / 2 })
  }
}
