// Every semi-supervised method, in the order `cohort methods` prints them. Add yours as one line.

public let methodCatalog: [any Method.Type] = [
  Supervised.self,
  ReLiF.self,
  MeanTeacher.self,
  SemiSAMPlus.self,
  SemiSAMO1.self,
  PriorOnly.self,
]

/// Builds a method by name.
public func makeMethod(_ name: String, _ plan: MethodPlan) throws(MethodError) -> any Method {
  guard let type = methodCatalog.first(where: { $0.name == name }) else {
    throw MethodError("there is no method \"\(name)\": choose one of \(methodCatalog.map { $0.name }.joined(separator: ", ")).")
  }
  for key in plan.options.keys.sorted() where !type.options.contains(where: { $0.name == key }) {
    let known = type.options.map(\.name).joined(separator: ", ")
    throw MethodError("method \(name) has no option \"\(key)\": it knows \(known.isEmpty ? "none" : known).")
  }
  return try type.init(plan)
}
