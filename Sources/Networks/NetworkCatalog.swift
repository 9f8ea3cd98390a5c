// Every network, in the order `cohort network list` prints them. Add yours as one line.

public let networkCatalog: [any Network.Type] = [
  UNet3D.self,
  VNet.self,
  STUNet.self,
  PlainConvUNet.self,
]

/// The network called `name`, after checking that the plan is one of a segmentation.
public func network(named name: String, for plan: NetworkPlan) throws(NetworkError) -> any Network.Type {
  guard let type = networkCatalog.first(where: { $0.name == name }) else {
    throw NetworkError(
      "there is no network \"\(name)\": choose one of \(networkCatalog.map { $0.name }.joined(separator: ", ")).")
  }
  guard plan.classes >= 2, plan.inputChannels >= 1 else {
    throw NetworkError(
      "network \(name): \(plan.classes) classes and \(plan.inputChannels) channels make no segmentation: give at least 2 and 1.")
  }
  return type
}

/// Builds a network by name.
public func makeNetwork(_ name: String, _ plan: NetworkPlan) throws(NetworkError) -> any Network {
  try network(named: name, for: plan).init(plan)
}
