// A forward pass as data: which operation made which value from which others, with all that its inputs and parameters do not tell. Programs of others
// compute the same from it.

import Kernels

/// What an operation computes beyond its inputs and parameters. Lists are along D, H, W.
public enum TracedLayer {
  /// Convolution over the inputs' channels side by side, each input upsampled first where it says how; a weight, and a bias where there is one.
  case convolution(upsampling: [[Upsampling]?], stride: [Int], padding: [Int])
  /// Transposed convolution whose kernel is its stride; a weight, and a bias where there is one.
  case transposedConvolution
  /// Normalisation with weight and bias where there are some, and its activation; a second input is what is added.
  case normalization(NormalizationMoments, slope: Float, sum: NormalizationSum<Void>, epsilon: Double)
  /// The largest value of each block of 2x2x2 voxels.
  case maxPooling
}

/// The operations of the forward passes on a tape. It holds their values in memory: trace a small image.
public final class Trace {
  /// One operation. Values are numbered in the order in which they first appear.
  public struct Entry {
    public let operation: String
    /// Nil for an operation that tells nothing more than its name.
    public let layer: TracedLayer?
    public let inputs: [Int]
    public let parameters: [Parameter]
    public let output: Int
    /// The shape of the output.
    public let shape: Shape
  }

  public private(set) var entries: [Entry] = []
  /// The newest value at each place in memory, and what keeps the place from being used again.
  private var numbers: [UnsafeMutablePointer<Float>: Int] = [:]
  private var held: [Tensor] = []
  private var count = 0

  public init() {}

  /// The number of a value, a new one if the trace has not seen it.
  public func number(of value: Tensor) -> Int { numbers[value.pointer] ?? add(value) }

  func add(_ operation: String, _ layer: TracedLayer?, inputs: [Tensor], parameters: [Parameter], output: Tensor) {
    // First the inputs: an output may take the memory of one.
    let inputs = inputs.map(number)
    entries.append(
      Entry(
        operation: operation, layer: layer, inputs: inputs, parameters: parameters, output: add(output), shape: output.shape))
  }

  private func add(_ value: Tensor) -> Int {
    held.append(value)
    numbers[value.pointer] = count
    count += 1
    return count - 1
  }
}
