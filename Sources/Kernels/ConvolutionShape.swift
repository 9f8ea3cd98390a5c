// The numbers that describe a 3D convolution. Axes: B batch, D H W voxels, I input channels, O output channels.

/// Activations are [B, D, H, W, I] and [B, D', H', W', O], weights [O, I, kD, kH, kW] as in PyTorch.
public struct ConvolutionShape: Hashable, Sendable {
  public var batch: Int
  public var input: [Int]
  public var inputChannels: Int
  public var outputChannels: Int
  public var kernel: [Int]
  public var stride: [Int]
  public var padding: [Int]
  public var bias: Bool
  /// Input channels of the array that the weights are a slice of; the same as `inputChannels` where they are all of it.
  public var storedChannels: Int

  /// - Parameters: `input`, `kernel`, `stride` and `padding` are in D, H, W order, in voxels.
  public init(
    batch: Int, input: [Int], inputChannels: Int, outputChannels: Int, kernel: [Int], stride: [Int], padding: [Int], bias: Bool,
    storedChannels: Int? = nil
  ) {
    self.batch = batch
    self.input = input
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.bias = bias
    self.storedChannels = storedChannels ?? inputChannels
  }

  /// D', H', W'.
  public var output: [Int] { (0..<3).map { (input[$0] + 2 * padding[$0] - kernel[$0]) / stride[$0] + 1 } }

  /// Taps of the kernel.
  public var taps: Int { kernel.reduce(1, *) }

  /// Floating-point operations of one pass (a multiply and an add count two).
  public var operations: Double {
    2 * Double(batch) * Double(output.reduce(1, *)) * Double(inputChannels * outputChannels) * Double(taps)
  }

  /// The first element of a row of output channels whose input channels begin at `channel`, within the stored weights.
  public func offset(ofChannel channel: Int) -> Int { channel * taps }
}
