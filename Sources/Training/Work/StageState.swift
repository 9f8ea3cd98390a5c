// The state of a run between two steps, to and from a checkpoint: weights, optimisers, what the work carries and decided, what averaging expects
// next, and which step of which stage comes next.

import Cluster
import Foundation
import Kernels
import Learning
import MPI
import Methods
import Tensors

/// Under which keys of a checkpoint's metadata a decision stands.
enum CheckpointedDecision {
  static let key = "decision"
  static let roundKey = "decision.round"
}

extension Stage {
  /// All numbers that a checkpoint holds, under the names of its vectors.
  fileprivate var vectors: [(name: String, tensor: Tensor)] {
    work.modules.flatMap(\.state) + work.carried.map { ($0.name, $0.values) }
  }

  /// What is averaged, under the names of the vectors.
  fileprivate var averages: [(name: String, average: LaneAverage)] {
    work.modules.flatMap { update in
      [(update.module.name, update.gradientAverage)]
        + (update.statisticsAverage.map { [(statisticsVector(update.module.name), $0)] } ?? [])
    }
  }
}

extension Run {
  /// The places to read a checkpoint to: those of its stage, which becomes the one at work. None if that stage cannot be made;
  /// `restore` reports why.
  func places(_ metadata: [String: String]) -> VectorPlaces {
    guard let number = stageNumber(metadata), (try? enter(stage: number)) != nil else { return [:] }
    return Dictionary(
      uniqueKeysWithValues: stage.vectors.map { ($0, UnsafeMutableBufferPointer(start: $1.pointer, count: $1.count)) })
  }

  private func stageNumber(_ metadata: [String: String]) -> Int? {
    let number = metadata["stage"].flatMap { Int($0) } ?? 0
    return configuration.stages.indices.contains(number) ? number : nil
  }

  /// The state of the stage at work; equal on every rank.
  var state: CheckpointState {
    var metadata = stage.work.metadata
    metadata["configuration"] = configuration.yaml
    metadata["threads"] = String(Threads.count)
    if configuration.stages.count > 1 { metadata["stage"] = String(stage.number) }
    if let best = stage.best { metadata["best"] = String(best) }
    if let smoothed = stage.smoothed { metadata["smoothed"] = String(smoothed) }
    if let decision = stage.decision {
      metadata[CheckpointedDecision.key] = decision.text
      metadata[CheckpointedDecision.roundKey] = String(decision.round)
    }
    var index: [CheckpointTensor] = []
    for (name, average) in stage.averages {
      metadata[name + ".averager"] = average.averager.carried
      index += average.source.parameters.map {
        CheckpointTensor(name: $0.name, vector: name, shape: $0.shape.sizes, offset: $0.offset, count: $0.shape.count)
      }
    }
    return CheckpointState(
      step: stepsDone, vectors: stage.vectors.map { ($0, $1.values) }, index: index, metadata: metadata)
  }

  /// A run goes on on the data that it began with, unless it was told otherwise.
  private func checkData(since metadata: [String: String], _ console: Console) throws {
    let changes = try stage.work.dataChanges(since: metadata), most = 10
    guard !changes.isEmpty else { return }
    let list = changes.prefix(most).joined(separator: ", ") + (changes.count > most ? ", and \(changes.count - most) more" : "")
    let text = "\(stage.configuration.data) no longer holds the data that \(configuration.output) was trained on: \(list)"
    guard acceptsChangedData else {
      throw TrainingError("\(text). Prepare the former data again, or go on with these by --accept-changed-data.")
    }
    console.warn("\(text); the run goes on with the new data.")
  }

  /// Takes up a saved state whose vectors have been read to `places`.
  func restore(_ state: CheckpointState, console: Console) throws {
    let saved = try RunConfiguration(yaml: state.metadata["configuration"] ?? "", source: "the checkpoint's configuration")
    let (changes, addedSteps) = configuration.changes(since: saved, at: state.step)
    guard changes.isEmpty else {
      func shown(_ value: String?) -> String { value.map { $0.isEmpty ? "nothing" : $0 } ?? "none" }
      let list = changes.map { "\($0) (\(shown(saved.values[$0])) → \(shown(configuration.values[$0])))" }
      throw TrainingError(
        "\(configuration.output) holds a run with other settings: \(list.joined(separator: ", ")). "
          + "Set them back to continue it, or start a new run with another output folder.")
    }
    if addedSteps > 0 {
      console.print(
        "the run had come to its end and is given \(addedSteps) more; schedules go by \(configuration.stages.last!.configuration.steps) steps from here on"
      )
    }
    if let number = stageNumber(state.metadata) { try enter(stage: number) }
    try stage.work.check(metadata: state.metadata)
    try checkData(since: state.metadata, console)
    if let threads = state.metadata["threads"], threads != String(Threads.count) {
      console.warn(
        "the run was saved with \(threads) threads on each rank and goes on with \(Threads.count): "
          + "results stay right but their last bits may differ.")
    }
    for (name, tensor) in stage.vectors where !state.placed.contains(name) {
      throw TrainingError(
        "the checkpoint in \(configuration.output) has no vector \(name) of \(tensor.count) values: it belongs to another network or method."
      )
    }
    for (name, average) in stage.averages { try average.averager.restore(carried: state.metadata[name + ".averager"] ?? "") }
    stage.stepsDone = state.step - stage.firstStep
    stage.best = state.metadata["best"].flatMap(Double.init)
    stage.smoothed = state.metadata["smoothed"].flatMap(Double.init)
    if let text = state.metadata[CheckpointedDecision.key],
      let round = state.metadata[CheckpointedDecision.roundKey].flatMap({ Int($0) })
    {
      try stage.adopt(text, round: round)
    }
  }
}
