// An array of a network. A trained one's value and gradient are windows of two flat vectors, so that averaging, optimising and saving see
// plain spans; a frozen one has only a value.

import Kernels

/// One named array of a network, in PyTorch's layout (convolutions [O, I, kD, kH, kW], linear [out, in]).
public final class Parameter {
  public let name: String
  public let shape: Shape
  /// Elements from the start of the flat vector.
  public let offset: Int
  public let value: Tensor
  /// Empty where the parameter is frozen.
  public let gradient: Tensor
  /// No gradient is wanted: tapes do not record for its sake and `onReady` never names it.
  public let isFrozen: Bool

  public init(name: String, shape: Shape, offset: Int, values: Storage, gradients: Storage) {
    self.name = name
    self.shape = shape
    self.offset = offset
    self.value = Tensor(shape: shape, storage: values, offset: offset)
    self.gradient = Tensor(shape: shape, storage: gradients, offset: offset)
    isFrozen = false
  }

  /// An array that is never trained; `value` may be memory that cannot be written.
  public init(frozen name: String, value: Tensor) {
    self.name = name
    shape = value.shape
    offset = 0
    self.value = value.detached
    gradient = Tensor(uninitialized: [0])
    isFrozen = true
  }

  /// Adds `contribution`, of the parameter's shape, to its gradient, if one is wanted.
  public func accumulate(_ contribution: Tensor) {
    if isFrozen { return }
    withExtendedLifetime(contribution) { add(contribution.pointer, to: gradient.pointer, count: contribution.count) }
  }
}
