// Every network, in the order `cohort network list` prints them. Add yours as one line.

public let networkCatalog: [any Network.Type] = [
  UNet3D.self,
  VNet.self,
  STUNet.self,
  PlainConvUNet.self,
]

/// Builds a network by name.
public func makeNetwork(_ name: String, _ plan: NetworkPlan) throws(NetworkError) -> any Network {
  guard let type = networkCatalog.first(where: { $0.name == name }) else {
    throw NetworkError(
      "there is no network \"\(name)\": choose one of \(networkCatalog.map { $0.name }.joined(separator: ", ")).")
  }
  guard plan.classes >= 2, plan.inputChannels >= 1 else {
    throw NetworkError(
      "network \(name): \(plan.classes) classes and \(plan.inputChannels) channels make no segmentation: give at least 2 and 1.")
  }
  return try type.init(plan)
}
