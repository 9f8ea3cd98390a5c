// Running means and variances of batch normalisations: state that follows the data instead of a gradient. In training each forward pass
// adds what it saw to a sum, as gradients are added; the sums of all lanes are averaged, and the running values move towards them once in
// a step, so they depend neither on the ranks nor on the order of lanes. C channels.

import Kernels
import Tensors

/// The running statistics of all batch normalisations of a network, by state-dict name.
public final class RunningStatistics {
  /// `running_mean` [C], `running_var` [C] and `num_batches_tracked` (one number) of each normalisation. The values are the running ones;
  /// the gradients hold the sums of what forward passes saw, and their number.
  public let buffers: ParameterSet
  private let names: [String]
  /// The share of the newest mean and variance, as in PyTorch.
  private static let momentum: Float = 0.1

  /// - Parameter normalizations: name and channels of each.
  public init(_ normalizations: [(name: String, channels: Int)]) {
    names = normalizations.map(\.name)
    buffers = ParameterSet(
      normalizations.flatMap { name, channels in
        [
          ParameterSpecification("\(name).running_mean", [channels], .constant(0)),
          ParameterSpecification("\(name).running_var", [channels], .constant(1)),
          ParameterSpecification("\(name).num_batches_tracked", [], .constant(0)),
        ]
      }, seed: 0)
  }

  /// Running mean and variance of a normalisation.
  public subscript(name: String) -> ChannelMoments {
    ChannelMoments(
      mean: buffers["\(name).running_mean"].value.values.map { Double($0) },
      variance: buffers["\(name).running_var"].value.values.map { Double($0) })
  }

  /// Adds what a forward pass saw in `rows` voxels: the variance without bias, as PyTorch tracks it.
  /// - Parameter offset: what the means lack, [C]: the bias of a convolution that left it out.
  public func observe(_ name: String, _ moments: ChannelMoments, rows: Int, offset: Parameter? = nil) {
    let mean = buffers["\(name).running_mean"], variance = buffers["\(name).running_var"]
    let unbiased = Double(rows) / Double(rows - 1)
    let offsets = offset?.value.values ?? [Float](repeating: 0, count: mean.shape.count)
    mean.accumulate(Tensor(zip(moments.mean, offsets).map { Float($0 + Double($1)) }, shape: mean.shape))
    variance.accumulate(Tensor(moments.variance.map { Float($0 * unbiased) }, shape: variance.shape))
    let count = buffers["\(name).num_batches_tracked"]
    count.accumulate(Tensor([1], shape: count.shape))
  }

  /// Runs forward passes whose batches are not to be seen.
  public func withoutObserving<Result>(_ body: () -> Result) -> Result {
    let seen = buffers.gradients.values
    defer { seen.withUnsafeBufferPointer { buffers.gradients.pointer.update(from: $0.baseAddress!, count: seen.count) } }
    return body()
  }

  /// Moves the running values towards what was seen.
  /// - Parameter observed: the sums and numbers of forward passes, or their average over lanes, laid out as the buffers.
  public func move(towards observed: Tensor) {
    for name in names {
      let count = buffers["\(name).num_batches_tracked"], passes = observed.pointer[count.offset]
      guard passes > 0 else { continue }
      for buffer in [buffers["\(name).running_mean"], buffers["\(name).running_var"]] {
        for index in 0..<buffer.shape.count {
          let seen = observed.pointer[buffer.offset + index] / passes
          buffer.value.pointer[index] += Self.momentum * (seen - buffer.value.pointer[index])
        }
      }
      count.value.pointer[0] += 1
    }
  }
}
