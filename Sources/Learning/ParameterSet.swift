// The parameters of one network as two flat vectors (values and gradients), with names, shapes and first values.

import Kernels
import Tensors

/// All parameters of a network, P floats in one vector, in the order of the state dict.
public final class ParameterSet: ParameterTable {
  public let parameters: [Parameter]
  /// P: the number of floats.
  public let count: Int
  public let values: Tensor
  public let gradients: Tensor
  private let byName: [String: Parameter]

  /// Allocates and initialises: each value is a function of (seed, parameter name, index).
  public init(_ specifications: [ParameterSpecification], seed: UInt64) {
    count = specifications.parameterCount
    values = Tensor(zeros: [count])
    gradients = Tensor(zeros: [count])
    var parameters: [Parameter] = [], offset = 0
    for specification in specifications {
      let parameter = Parameter(
        name: specification.name, shape: specification.shape, offset: offset, values: values.storage, gradients: gradients.storage
      )
      Self.fill(parameter, specification.initializer, seed: seed)
      parameters.append(parameter)
      offset += specification.shape.count
    }
    self.parameters = parameters
    byName = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
  }

  public func contains(_ name: String) -> Bool { byName[name] != nil }

  /// The parameter of that name, which the network itself specified.
  public subscript(name: String) -> Parameter {
    guard let parameter = byName[name] else {
      fatalError("no parameter \"\(name)\": the network must list it in its specification.")
    }
    return parameter
  }

  public func clearGradients() { gradients.pointer.update(repeating: 0, count: count) }

  /// √Σ g².
  public var gradientNorm: Double { sumOfSquares(gradients.pointer, count: count).squareRoot() }

  /// Replaces all values; `newValues` has P floats.
  public func load(_ newValues: [Float]) {
    require(newValues.count == count, "ParameterSet.load: \(newValues.count) values for \(count) parameters.")
    newValues.withUnsafeBufferPointer { values.pointer.update(from: $0.baseAddress!, count: count) }
  }

  /// Copies the values of tensors that have the same name and shape in another set.
  /// - Parameter isWanted: by name.
  /// - Returns: how many were copied.
  public func takeValues(of other: ParameterSet, where isWanted: (String) -> Bool = { _ in true }) -> Int {
    var taken = 0
    for parameter in parameters where isWanted(parameter.name) {
      guard let source = other.byName[parameter.name], source.shape == parameter.shape else { continue }
      parameter.value.pointer.update(from: source.value.pointer, count: parameter.shape.count)
      taken += 1
    }
    return taken
  }

  private static func fill(_ parameter: Parameter, _ initializer: ParameterSpecification.Initializer, seed: UInt64) {
    let key = RandomKey(seed: seed, volume: parameter.name, draw: 0, stream: RandomStream.initialWeights)
    let pointer = parameter.value.pointer
    for index in 0..<parameter.shape.count {
      switch initializer {
      case .gaussian(let standardDeviation): pointer[index] = Float(standardDeviation * key.gaussian(UInt64(index)))
      case .uniform(let bound): pointer[index] = Float(bound * (2 * key.uniform(UInt64(index)) - 1))
      case .constant(let value): pointer[index] = value
      }
    }
  }
}
