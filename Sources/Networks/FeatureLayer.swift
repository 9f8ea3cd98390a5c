// Feature maps that a forward pass hands out besides the logits: for losses on representations and for Grad-CAM.
// Axes: B batch, D H W voxels of the layer's grid, C channels.

import Kernels
import Tensors

/// A place in a network where features can be read, always before its dropout.
public enum FeatureLayer: String, CaseIterable, Sendable {
  /// The coarsest output of the encoder.
  case bottleneck
  /// The output of the decoder's stage k, of which 1 is the finest: the last feature map before the classifier.
  case dec3, dec2, dec1

  /// Steps down from the image; nil for the bottleneck, which is at the last level of its network.
  fileprivate var decoderLevel: Int? {
    switch self {
    case .bottleneck: nil
    case .dec3: 2
    case .dec2: 1
    case .dec1: 0
    }
  }
}

extension Network {
  /// Why the network has no such layer, and a hint; nil if it has.
  public func featureProblem(_ layer: FeatureLayer) -> String? {
    guard !hasLayer(layer) else { return nil }
    return "network \(Self.name) with \(levelChannels.count) levels has no layer \(layer.rawValue): "
      + "take \(FeatureLayer.allCases.filter(hasLayer).map(\.rawValue).joined(separator: " or "))."
  }

  /// C of the features of a layer.
  public func featureChannels(_ layer: FeatureLayer) -> Int { levelChannels[level(of: layer)] }

  /// - Shape: x [B, D, H, W, C]; result [B, D, H, W, K].
  public func logits(_ x: Tensor, mode: ForwardMode, on tape: Tape) -> Tensor {
    forward(x, keeping: [], mode: mode, on: tape).logits
  }

  /// The level of a layer that the network has: halvings since the image.
  func level(of layer: FeatureLayer) -> Int {
    require(hasLayer(layer), featureProblem(layer) ?? "")
    return layer.decoderLevel ?? levelChannels.count - 1
  }

  /// Decoders begin one level above the bottleneck.
  private func hasLayer(_ layer: FeatureLayer) -> Bool { layer.decoderLevel ?? 0 < levelChannels.count - 1 }
}

/// The features that were asked for, picked up as the forward pass makes them: those of every other level are released as usual.
struct KeptFeatures {
  private let levels: [Int]
  private var features: [Int: Tensor] = [:]

  init(_ layers: [FeatureLayer], of network: any Network) { levels = layers.map(network.level) }

  mutating func keep(_ tensor: Tensor, level: Int) { if levels.contains(level) { features[level] = tensor } }

  /// The features in the order asked for.
  var inOrder: [Tensor] { levels.map { features[$0]! } }
}
