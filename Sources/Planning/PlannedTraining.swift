// What a configuration of a plan says of training: patch, batch and the options of the network. A plane is a volume of one slice.

extension PlanConfiguration {
  /// The patch as three sides, D, H, W.
  public var volumePatch: [Int] { Self.volume(patch) }

  /// Options of a network by this configuration.
  /// - Parameter isPlain: of the network that was planned, nnU-Net's own; else of one whose kernels and widths are fixed.
  public func networkOptions(forPlain isPlain: Bool) -> [String: String] {
    func text(_ rows: some Sequence<[Int]>) -> String {
      rows.map { Self.volume($0).map(String.init).joined(separator: ",") }.joined(separator: ";")
    }
    let strides = text(network.strides.dropFirst())
    guard isPlain else { return ["strides": strides] }
    return [
      "strides": strides, "kernels": text(network.kernels), "widths": network.widths.map(String.init).joined(separator: ","),
    ]
  }

  /// Why nnU-Net's network as it is here is not the planned one, as a clause; nil if it is.
  public var foreignNetwork: String? {
    guard network.name.split(separator: ".").last.map({ ["PlainConvUNet", "Generic_UNet"].contains($0) }) ?? false else {
      return "plans the network \(network.name)"
    }
    let isPlain = (network.convolutions + network.decoderConvolutions).allSatisfy { $0 == 2 }
    return isPlain ? nil : "plans other numbers of convolutions in a stage than two"
  }

  private static func volume(_ sides: [Int]) -> [Int] { sides.count == 2 ? [1] + sides : sides }
}
