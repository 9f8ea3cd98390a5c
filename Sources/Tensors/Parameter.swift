// A trained array: its value and its gradient are windows of two flat vectors, so that averaging, optimising and saving see plain spans.

import Kernels

/// One named array of a network, in PyTorch's layout (convolutions [O, I, kD, kH, kW], linear [out, in]).
public final class Parameter {
  public let name: String
  public let shape: Shape
  /// Elements from the start of the flat vector.
  public let offset: Int
  public let value: Tensor
  public let gradient: Tensor

  public init(name: String, shape: Shape, offset: Int, values: Storage, gradients: Storage) {
    self.name = name
    self.shape = shape
    self.offset = offset
    self.value = Tensor(shape: shape, storage: values, offset: offset)
    self.gradient = Tensor(shape: shape, storage: gradients, offset: offset)
  }

  /// Adds `contribution`, of the parameter's shape, to its gradient.
  public func accumulate(_ contribution: Tensor) {
    withExtendedLifetime(contribution) { add(contribution.pointer, to: gradient.pointer, count: contribution.count) }
  }
}
