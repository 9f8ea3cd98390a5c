// Whether an image fits a network.

extension Network {
  /// Refuses an image whose sides the network cannot halve as often as it must.
  /// - Parameters:
  ///   - sides: D, H, W in voxels.
  ///   - image: what the error calls it.
  public func check(sides: [Int], of image: String) throws(NetworkError) {
    for (axis, side) in sides.enumerated() where side % divisor[axis] != 0 || side <= 0 {
      throw NetworkError(
        "\(image): side \(side) is not divisible by \(divisor[axis]), the stride of \(Self.name): "
          + "take \(max(1, side / divisor[axis]) * divisor[axis]) or pad to the next multiple.")
    }
  }
}
