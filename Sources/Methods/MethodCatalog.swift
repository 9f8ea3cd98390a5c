// Every semi-supervised method, in the order `cohort methods` prints them. Add yours as one line.

public let methodCatalog: [any Method.Type] = [
  Supervised.self,
  NNUNet.self,
  ReLiF.self,
  SelfTraining.self,
  MeanTeacher.self,
  UncertaintyAwareMeanTeacher.self,
  AmbiguityConsensus.self,
  InterpolationConsistency.self,
  PyramidConsistency.self,
  BidirectionalCopyPaste.self,
  DualTaskConsistency.self,
  CrossConsistency.self,
  MagicNet.self,
  SSNet.self,
  CrossPseudoSupervision.self,
  CrossTeaching.self,
  SemiSAMPlus.self,
  SemiSAMO1.self,
  PriorOnly.self,
]

/// Builds a method by name, from a plan with values of its options.
public func makeMethod(_ name: String, _ plan: MethodPlan) throws(MethodError) -> any Method {
  guard let type = methodCatalog.first(where: { $0.name == name }) else {
    throw MethodError("there is no method \"\(name)\": choose one of \(methodCatalog.map { $0.name }.joined(separator: ", ")).")
  }
  return try type.init(plan)
}
