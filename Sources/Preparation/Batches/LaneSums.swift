// Sums over the batches of all lanes of a step. A loss of the whole batch, such as nnU-Net's batch Dice, needs them before its backward pass, which
// each lane runs by itself.

/// What a method counted in each lane's batch, added up over all lanes in their order.
public struct LaneSums: Sendable, Equatable {
  public let values: [Double]
  /// The number of lanes of all ranks. Their gradients are averaged, so a lane's part of the whole batch's gradient goes in so many times.
  public let lanes: Int

  public init(values: [Double], lanes: Int) { (self.values, self.lanes) = (values, lanes) }
}
