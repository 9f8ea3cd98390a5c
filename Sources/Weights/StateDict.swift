// Weights of a network from and to arrays by name: names and shapes are PyTorch's, so nothing is permuted.

import Learning
import Tensors

extension WeightFile {
  /// Loads all arrays of some parameter sets that stand under `prefix`.
  public func load(into sets: [ParameterSet], prefix: String = "", allowing: LoadAllowance = .nothing) throws(WeightError)
    -> LoadReport
  {
    try Weights.load(
      into: sets.flatMap(\.parameters), from: path, stored: shapes(under: prefix), allowing: allowing
    ) { (name) throws(WeightError) in try self.tensor(prefix + name) }
  }

  /// The arrays that `specifications` name, frozen: in the memory of the file where they can be.
  public func frozenParameters(
    _ specifications: [ParameterSpecification], prefix: String = "", allowing: LoadAllowance = .nothing
  ) throws(WeightError) -> (parameters: FrozenParameters, report: LoadReport) {
    let report = LoadReport(
      path: path, needed: specifications.map { ($0.name, $0.shape.sizes) }, stored: shapes(under: prefix), allowing: allowing)
    try report.check()
    var tensors: [(name: String, value: Tensor)] = []
    for name in report.loaded { tensors.append((name, try tensor(prefix + name))) }
    return (FrozenParameters(tensors), report)
  }

  private func shapes(under prefix: String) -> [(name: String, shape: [Int])] {
    entries.filter { $0.name.hasPrefix(prefix) }.map { (String($0.name.dropFirst(prefix.count)), $0.shape) }
  }
}

extension ParameterSet {
  /// Loads every parameter from `tensors`; keys may carry the prefix `module.` (DataParallel) or `prefix`. What else is there is ignored.
  /// - Parameter path: the file the tensors came from, for messages.
  public func load(stateDict tensors: [String: StoredTensor], prefix: String = "", from path: String) throws(WeightError) {
    let wrapped = "module." + prefix, prefix = tensors.keys.contains { $0.hasPrefix(wrapped) } ? wrapped : prefix
    let stored = tensors.filter { $0.key.hasPrefix(prefix) }.map { (String($0.key.dropFirst(prefix.count)), $0.value.shape) }
    _ = try Weights.load(
      into: parameters, from: path, stored: stored, allowing: LoadAllowance(unexpected: { _ in true })
    ) { name in
      let found = tensors[prefix + name]!
      return Tensor(found.values, shape: Shape(found.shape))
    }
  }

  /// Every parameter under its state-dict name.
  public var stateDict: [String: StoredTensor] {
    Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, StoredTensor(shape: $0.shape.sizes, values: $0.value.values)) })
  }
}

/// Copies into each parameter the array of its name, once all names and shapes are known to fit.
private func load(
  into parameters: [Parameter], from path: String, stored: [(name: String, shape: [Int])], allowing: LoadAllowance,
  _ tensor: (String) throws(WeightError) -> Tensor
) throws(WeightError) -> LoadReport {
  let report = LoadReport(
    path: path, needed: parameters.map { ($0.name, $0.shape.sizes) }, stored: stored, allowing: allowing)
  try report.check()
  let loaded = Set(report.loaded)
  for parameter in parameters where loaded.contains(parameter.name) {
    let values = try tensor(parameter.name)
    withExtendedLifetime(values) { parameter.value.pointer.update(from: values.pointer, count: values.count) }
  }
  return report
}
