// What a network declares of its arrays before memory exists: names, shapes, first values, and where convolutions apply them.
// Axes: O output channels, I input channels, kD kH kW kernel.

import Tensors

/// One array of a network.
public struct ParameterSpecification: Sendable {
  public enum Initializer: Sendable {
    /// Gaussian with the given standard deviation (Kaiming: √(2 / fan-in)).
    case gaussian(standardDeviation: Double)
    /// Uniform in ±bound (PyTorch's default for biases: 1/√fan-in).
    case uniform(bound: Double)
    case constant(Float)
  }
  public let name: String
  public let shape: Shape
  public let initializer: Initializer
  /// The stride of a convolution's weight: voxels of the image (D, H, W) from one place where it is applied to the next.
  public let stride: [Int]?

  public init(_ name: String, _ shape: Shape, _ initializer: Initializer, stride: [Int]? = nil) {
    self.name = name
    self.shape = shape
    self.initializer = initializer
    self.stride = stride
  }
}

/// First values of a convolution's weight and bias.
public enum ConvolutionInitialization: Sendable {
  /// Gaussian for ReLU, √(2 / fan-in); biases uniform in ±1/√fan-in.
  case kaiming
  /// Gaussian for leaky ReLU of slope 0.01, √(2 / (1.0001 fan-in)); biases 0 (nnU-Net).
  case kaimingLeaky
  /// Weights and biases uniform in ±1/√fan-in (PyTorch's default).
  case uniform

  fileprivate func initializers(fanIn: Double) -> (
    weight: ParameterSpecification.Initializer, bias: ParameterSpecification.Initializer
  ) {
    let uniform = ParameterSpecification.Initializer.uniform(bound: 1 / fanIn.squareRoot())
    return switch self {
    case .kaiming: (.gaussian(standardDeviation: (2 / fanIn).squareRoot()), uniform)
    case .kaimingLeaky: (.gaussian(standardDeviation: (2 / (1.0001 * fanIn)).squareRoot()), .constant(0))
    case .uniform: (uniform, uniform)
    }
  }
}

extension [ParameterSpecification] {
  /// Weight [O, I, kD, kH, kW] ([I, O, kD, kH, kW] of a transposed convolution) and bias [O].
  /// - Parameter stride: see `ParameterSpecification.stride`; of a transposed convolution that of its input.
  public static func convolution(
    _ name: String, inputs: Int, outputs: Int, kernel: [Int] = [3, 3, 3], transposed: Bool = false, stride: [Int],
    _ initialization: ConvolutionInitialization
  ) -> [ParameterSpecification] {
    let shape = Shape((transposed ? [inputs, outputs] : [outputs, inputs]) + kernel)
    // PyTorch takes the second axis for the fan-in of either kind.
    let first = initialization.initializers(fanIn: Double(shape.sizes[1...].reduce(1, *)))
    return [.init("\(name).weight", shape, first.weight, stride: stride), .init("\(name).bias", [outputs], first.bias)]
  }

  /// Weight [C] = 1 and bias [C] = 0 of a normalisation.
  public static func normalization(_ name: String, channels: Int) -> [ParameterSpecification] {
    [.init("\(name).weight", [channels], .constant(1)), .init("\(name).bias", [channels], .constant(0))]
  }
}

extension [ParameterSpecification] {
  /// Multiply-adds of the convolutions in one forward pass on a patch [D, H, W], all heads included.
  public func multiplyAdds(patch: [Int]) -> Double {
    reduce(0) { sum, specification in
      guard let stride = specification.stride else { return sum }
      return sum + Double(specification.shape.count) * Double((0..<3).reduce(1) { $0 * (patch[$1] / stride[$1]) })
    }
  }

  /// The longest stride along D, H, W: a patch's sides must be multiples of it.
  public var divisor: [Int] { (0..<3).map { axis in compactMap { $0.stride?[axis] }.max() ?? 1 } }

  /// P: the number of floats.
  public var parameterCount: Int { reduce(0) { $0 + $1.shape.count } }
}
