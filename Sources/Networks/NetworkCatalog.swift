// Every network, in the order `cohort network list` prints them. Add yours as one line. What is asked of any of them is within bounds that keep
// arithmetic on sizes from overflowing, and fits into memory.

import Files
import Learning

public let networkCatalog: [any Network.Type] = [
  UNet3D.self,
  VNet.self,
  STUNet.self,
  PlainConvUNet.self,
]

/// The most channels of a network's level that an option may ask for.
let mostChannels = 65_536
/// The most channels of an image: nnU-Net's file names number them with four digits.
private let mostImageChannels = 10_000
/// The most classes, background included: labels are bytes.
private let mostClasses = 256

/// The network called `name`, after checking that the plan is one of a segmentation.
public func network(named name: String, for plan: NetworkPlan) throws(NetworkError) -> any Network.Type {
  guard let type = networkCatalog.first(where: { $0.name == name }) else {
    throw NetworkError(
      "there is no network \"\(name)\": choose one of \(networkCatalog.map { $0.name }.joined(separator: ", ")).")
  }
  guard 2...mostClasses ~= plan.classes, 1...mostImageChannels ~= plan.inputChannels else {
    throw NetworkError(
      "network \(name): \(plan.classes) classes and \(plan.inputChannels) channels make no segmentation: "
        + "give 2 to \(mostClasses) classes and 1 to \(mostImageChannels) channels.")
  }
  return type
}

/// Builds a network by name, if its parameters and their gradients fit into memory.
public func makeNetwork(_ name: String, _ plan: NetworkPlan) throws(NetworkError) -> any Network {
  let type = try network(named: name, for: plan), count = try type.specification(plan).parameterCount
  if let shortage = FreeMemory.shortage(of: 2 * MemoryLayout<Float>.stride * count, for: "training its \(count) parameters") {
    throw NetworkError("network \(name): \(shortage): make it smaller by its options.")
  }
  return try type.init(plan)
}
