// Networks whose encoder and decoder can be run apart: for decoders beside the own one, and for methods that work between both.
// Axes: B batch, D H W voxels, C channels, K classes.

import Learning
import Tensors

/// A network that is an encoder and a decoder. It writes both, and the forward pass follows.
public protocol EncoderDecoder: Network {
  /// What the names of the decoder's arrays begin with, its head among them.
  static var decoder: [String] { get }

  /// Feature maps of all levels, finest first, the bottleneck last, before any dropout.
  /// - Shape: x [B, D, H, W, C]; results [B, d, h, w, c] of each level.
  func encoded(_ x: Tensor, mode: ForwardMode, on tape: Tape) -> [Tensor]
  /// Logits, and the features of `layers` in that order.
  /// - Parameters:
  ///   - levels: what `encoded` returns, or the like.
  ///   - parameters: the decoder's arrays; the network's own, or those of another decoder.
  func decoded(
    _ levels: [Tensor], by parameters: ParameterSet, keeping layers: [FeatureLayer], mode: ForwardMode, on tape: Tape
  ) -> (logits: Tensor, features: [Tensor])
}

extension EncoderDecoder {
  public func forward(
    _ x: Tensor, keeping layers: [FeatureLayer], mode: ForwardMode, on tape: Tape
  ) -> (logits: Tensor, features: [Tensor]) {
    decoded(encoded(x, mode: mode, on: tape), by: parameters, keeping: layers, mode: mode, on: tape)
  }

  /// Logits of the features of `.dec1`, without dropout.
  /// - Shape: features [B, D, H, W, c]; logits [B, D, H, W, K].
  /// - Parameter parameters: the decoder's arrays; nil for the network's own.
  public func classified(_ features: Tensor, by parameters: ParameterSet? = nil, on tape: Tape) -> Tensor {
    let parameters = parameters ?? self.parameters
    return tape.convolution(features, weight: parameters[Self.heads + "weight"], bias: parameters[Self.heads + "bias"])
  }

  /// The arrays of another decoder for the network of a plan, with first values of their own.
  public static func anotherDecoder(_ plan: NetworkPlan, seed: UInt64) throws(NetworkError) -> ParameterSet {
    let arrays = try specification(plan).filter { array in decoder.contains { array.name.hasPrefix($0) } }
    return ParameterSet(arrays, seed: seed)
  }
}
