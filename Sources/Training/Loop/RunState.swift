// The state of a run between two steps, to and from a checkpoint: weights, momentum, what the method carries, what averaging expects next.

import Cluster
import Foundation
import Kernels
import Learning
import MPI
import Methods
import Tensors

/// The checkpoint's name for the running statistics of a module.
func statisticsVector(_ module: String) -> String { module + ".statistics" }

extension Run {
  /// All numbers that a checkpoint holds, under the names of its vectors.
  private var stateVectors: [(name: String, tensor: Tensor)] {
    var vectors: [(name: String, tensor: Tensor)] = []
    for update in modules {
      let name = update.module.name
      vectors.append((name, update.module.parameters.values))
      vectors += update.optimizer.state.map { (name + "." + $0.name, $0.values) }
      if let statistics = update.statistics { vectors.append((statisticsVector(name), statistics.source.values)) }
    }
    return vectors + method.carried.map { ($0.name, $0.values) }
  }

  /// Where a checkpoint is read to.
  var places: VectorPlaces {
    Dictionary(uniqueKeysWithValues: stateVectors.map { ($0, UnsafeMutableBufferPointer(start: $1.pointer, count: $1.count)) })
  }

  /// The state after `step` steps; equal on every rank.
  func state(step: Int, best: Double?) -> CheckpointState {
    var index: [CheckpointTensor] = []
    var metadata = [
      "configuration": configuration.yaml, "model": description.json, "threads": String(Threads.count),
    ]
    if let best { metadata["best"] = String(best) }
    for update in modules {
      let name = update.module.name
      metadata[name + ".averager"] = update.gradients.averager.carried
      index += tensors(of: update.module.parameters, in: name)
      if let statistics = update.statistics {
        let name = statisticsVector(name)
        metadata[name + ".averager"] = statistics.averager.carried
        index += tensors(of: statistics.source, in: name)
      }
    }
    return CheckpointState(step: step, vectors: stateVectors.map { ($0, $1.values) }, index: index, metadata: metadata)
  }

  private func tensors(of set: ParameterSet, in vector: String) -> [CheckpointTensor] {
    set.parameters.map {
      CheckpointTensor(name: $0.name, vector: vector, shape: $0.shape.sizes, offset: $0.offset, count: $0.shape.count)
    }
  }

  /// Takes up a saved state whose vectors have been read to `places`.
  /// - Returns: the steps done, and the best validation Dice so far.
  func restore(_ state: CheckpointState, console: Console) throws -> (step: Int, best: Double?) {
    let saved = try RunConfiguration(yaml: state.metadata["configuration"] ?? "", source: "the checkpoint's configuration")
    let changes = configuration.changes(since: saved)
    guard changes.isEmpty else {
      let list = changes.map { "\($0) (\(saved.values[$0] ?? "none") → \(configuration.values[$0] ?? "none"))" }
      throw TrainingError(
        "\(configuration.output) holds a run with other settings: \(list.joined(separator: ", ")). "
          + "Set them back to continue it, or start a new run with another output folder.")
    }
    let model = try ModelDescription(json: state.metadata["model"] ?? "", from: configuration.output)
    guard model == description else {
      throw TrainingError(
        "\(configuration.output) was trained on data that were prepared differently from \(configuration.data): "
          + "use that data again, or start a new run with another output folder.")
    }
    if let threads = state.metadata["threads"], threads != String(Threads.count) {
      console.warn(
        "the run was saved with \(threads) threads on each rank and goes on with \(Threads.count): "
          + "results stay right but their last bits may differ.")
    }
    for (name, tensor) in stateVectors where !state.placed.contains(name) {
      throw TrainingError(
        "the checkpoint in \(configuration.output) has no vector \(name) of \(tensor.count) values: it belongs to another network or method."
      )
    }
    for position in modules.indices {
      let name = modules[position].module.name
      try modules[position].gradients.averager.restore(carried: state.metadata[name + ".averager"] ?? "")
      try modules[position].statistics?.averager.restore(carried: state.metadata[statisticsVector(name) + ".averager"] ?? "")
    }
    return (state.step, state.metadata["best"].flatMap(Double.init))
  }
}
