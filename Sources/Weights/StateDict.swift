// Weights of a network from and to a state dict: names and shapes are PyTorch's, so nothing is permuted.

import Learning
import Tensors

extension ParameterSet {
  /// Loads every parameter from `tensors`; keys may carry the prefix `module.` (DataParallel) or `prefix`. A missing
  /// `num_batches_tracked` keeps its value: old files lack it and nothing is computed with it.
  /// - Parameter path: the file the tensors came from, for messages.
  public func load(stateDict tensors: [String: StoredTensor], prefix: String = "", from path: String) throws(WeightError) {
    var missing: [String] = []
    for parameter in parameters {
      guard let stored = tensors[prefix + parameter.name] ?? tensors["module." + prefix + parameter.name] else {
        if !parameter.name.hasSuffix(".num_batches_tracked") { missing.append(parameter.name) }
        continue
      }
      guard stored.shape == parameter.shape.sizes else {
        throw WeightError(
          "\(path): \(parameter.name) has shape \(stored.shape), the network needs \(parameter.shape.sizes): "
            + "use the options and classes that the file was made with.")
      }
      stored.values.withUnsafeBufferPointer { parameter.value.pointer.update(from: $0.baseAddress!, count: $0.count) }
    }
    guard missing.isEmpty else {
      throw WeightError(
        "\(path) lacks \(missing.count) of \(parameters.count) parameters, the first is \(missing[0]): is it a file of this network?"
      )
    }
  }

  /// Every parameter under its state-dict name.
  public var stateDict: [String: StoredTensor] {
    Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, StoredTensor(shape: $0.shape.sizes, values: $0.value.values)) })
  }
}
