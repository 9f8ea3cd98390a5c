// A checkpoint turned back into a network that segments volumes.

import Cluster
import Files
import Foundation
import Learning
import Methods
import Networks
import Preparation
import Tensors
import Volumes
import Weights

/// The trained network that predicts, with everything needed to use it on raw images.
public struct TrainedModel {
  public let path: String
  public let step: Int
  public let description: ModelDescription
  public let network: any Network
  /// What else the checkpoint says, in texts.
  let metadata: [String: String]

  /// - Parameters:
  ///   - checkpoint: a step folder, a folder of checkpoints or a run folder (the newest is taken); verified while it is read.
  ///   - isSecond: takes the second of two networks that taught each other, in place of the predictor.
  public init(checkpoint: String, isSecond: Bool = false) throws {
    path = try CheckpointStore.locate(checkpoint)
    let state = try CheckpointStore.load(path: path)
    step = state.step
    metadata = state.metadata
    description = try ModelDescription(json: state.metadata["model"] ?? "", from: path)
    // Checkpoints of earlier versions do not name the predictor: there it is the first module.
    let plan = description.plan,
      count = try Networks.network(named: description.network, for: plan).specification(plan).parameterCount
    let predictor = description.predictor ?? state.index.first?.vector, wanted = isSecond ? secondStudentName : predictor
    if isSecond, state[secondStudentName]?.count != count {
      throw TrainingError(
        "\(path) holds no second \(description.network), which only a run of method cps does: choose --networks student.")
    }
    guard let name = wanted, let values = state[name], values.count == count else {
      throw TrainingError("\(path) holds no weights for \(description.network): it was written by another network or version.")
    }
    network = try makeNetwork(description.network, plan)
    network.parameters.load(values)
    guard let statistics = network.statistics else { return }
    guard let running = state[statisticsVector(name)], running.count == statistics.buffers.count else {
      throw TrainingError("\(path) holds no running statistics for \(description.network): it was written by another version.")
    }
    statistics.buffers.load(running)
  }

  public func segmenter(overlap: Double, weighting: WindowWeighting) -> Segmenter {
    Segmenter(
      networks: [network], patch: description.patch, classes: description.classNames.count, regions: description.regions,
      overlap: overlap, weighting: weighting, placement: description.placement ?? .inside)
  }

  /// A hash of the names and checksums of the cases that the run trained on; nil in checkpoints of earlier versions, which do not tell.
  public var dataHash: String? {
    metadata[MethodWork.dataKey].map { text in String(Array(text.utf8).withUnsafeBytes { xxh64(of: $0) }, radix: 16) }
  }

  /// The predictor's weights and running statistics under their state-dict names.
  public var stateDict: [String: StoredTensor] {
    network.state.reduce(into: [:]) { $0.merge($1.stateDict) { first, _ in first } }
  }
}
