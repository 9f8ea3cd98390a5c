// Arrays that a network reads by name and never trains: a foundation model's weights, often in the memory of a mapped file.

import Tensors

/// What a network needs of its parameters, trained or frozen.
public protocol ParameterTable {
  /// The parameter of that name; a network asks only for names that its own specification lists.
  subscript(name: String) -> Parameter { get }
  func contains(_ name: String) -> Bool
}

/// Parameters without gradients. Copies no values.
public final class FrozenParameters: ParameterTable {
  /// The names of the tensors in the order given.
  public let names: [String]
  private let byName: [String: Parameter]

  /// - Parameter tensors: arrays in PyTorch's layout, each name once.
  public init(_ tensors: [(name: String, value: Tensor)]) {
    names = tensors.map(\.name)
    byName = Dictionary(tensors.map { ($0.name, Parameter(frozen: $0.name, value: $0.value)) }) { first, _ in
      fatalError("FrozenParameters: \"\(first.name)\" is given twice: name each array once.")
    }
  }

  public func contains(_ name: String) -> Bool { byName[name] != nil }

  public subscript(name: String) -> Parameter {
    guard let parameter = byName[name] else {
      fatalError("no frozen parameter \"\(name)\": check the names before with the load report.")
    }
    return parameter
  }
}
