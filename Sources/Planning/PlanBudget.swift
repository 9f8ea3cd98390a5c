// Plans that fit a machine: the memory that nnU-Net plans for is lowered until a step of the network that is really trained takes no more than is
// allowed, as its own GPU-memory target does for its own measure.

import Preparation

/// What a training step takes.
public struct StepCost: Sendable, Codable, Equatable {
  public var bytes: Int
  public var seconds: Double

  public init(bytes: Int, seconds: Double) { (self.bytes, self.seconds) = (bytes, seconds) }
}

/// What a training step may take.
public struct StepBudget: Sendable {
  public var bytes: Int?
  public var seconds: Double?

  public init(bytes: Int? = nil, seconds: Double? = nil) { (self.bytes, self.seconds) = (bytes, seconds) }

  func allows(_ cost: StepCost) -> Bool { cost.bytes <= bytes ?? .max && cost.seconds <= seconds ?? .infinity }
}

extension Planner {
  /// The largest plan whose `costed` configuration fits a budget, and what a step of it costs. Error: no plan does.
  /// - Parameter cost: what a step of a configuration takes.
  public func plan(
    _ fingerprint: DatasetFingerprint, _ input: PlanningInput, within budget: StepBudget,
    cost: (PlanConfiguration) throws -> StepCost
  ) throws -> (plan: Plan, cost: StepCost) {
    var planner = self
    while true {
      let plan = try planner.plan(fingerprint, input), found = try cost(plan.costed)
      if budget.allows(found) { return (plan, found) }
      // Until there is another patch or batch.
      repeat {
        planner.scale *= 0.9
        guard planner.scale > Self.smallestScale else { throw Self.refusal(budget, plan.costed, found) }
      } while try planner.plan(fingerprint, input).costed == plan.costed
    }
  }

  /// Patches that are planned for less see too little of a case.
  private static let smallestScale = 1e-3

  private static func refusal(_ budget: StepBudget, _ smallest: PlanConfiguration, _ cost: StepCost) -> PreparationError {
    let limits = [budget.bytes.map { "\($0) bytes" }, budget.seconds.map { "\($0) seconds" }].compactMap { $0 }
    return PreparationError(
      "No plan fits a step of \(limits.joined(separator: " and ")): with the smallest patch, "
        + "\(smallest.patch.map(String.init).joined(separator: "x")), it takes about \(cost.bytes) bytes and \(cost.seconds) seconds, so allow more, "
        + "or choose a smaller network.")
  }
}

extension Plan {
  /// The configuration whose cost is told: that of full resolution, or the plane's where there is no other.
  public var costed: PlanConfiguration { self["3d_fullres"] ?? configurations[0] }
}
