// Several trained networks that predict together, by the mean of their logits: those of other folds, or both networks of a cross pseudo supervision.

import Metrics
import Networks
import Preparation
import Volumes

/// Which networks of a run predict. Runs of `cps` have two.
public enum PredictorChoice: String, CaseIterable, Sendable {
  /// The predictor of the method.
  case student
  case second
  case both
}

/// How networks were used for predictions.
public struct ModelUse: Codable, Sendable, Equatable {
  /// How many networks were averaged.
  public var networks: Int
  /// Share of a patch by which windows overlap, and their weights.
  public var overlap: Double
  public var weighting: WindowWeighting
  /// The axes along which windows were also seen as mirror images.
  public var mirrored: FlipAxes
  /// What was done to the label maps.
  public var postprocessing: Postprocessing?

  public init(networks: Int, overlap: Double, weighting: WindowWeighting, mirrored: FlipAxes, postprocessing: Postprocessing?) {
    (self.networks, self.overlap, self.weighting) = (networks, overlap, weighting)
    (self.mirrored, self.postprocessing) = (mirrored, postprocessing)
  }
}

/// Networks for the same data, classes and patch.
public struct ModelEnsemble {
  public let models: [TrainedModel]

  /// - Parameter checkpoints: step folders, run folders, or folders with the runs of several seeds, at least one.
  /// Errors: networks that were trained on data prepared differently, for other classes or with another patch.
  public init(checkpoints: [String], networks: PredictorChoice) throws {
    models = try checkpoints.flatMap(runsOfSeeds).flatMap { path in
      var found: [TrainedModel] = []
      if networks != .second { found.append(try TrainedModel(checkpoint: path)) }
      if networks != .student { found.append(try TrainedModel(checkpoint: path, isSecond: true)) }
      return found
    }
    for other in models.dropFirst() {
      if let difference = models[0].description.difference(from: other.description) {
        throw TrainingError(
          "\(models[0].path) and \(other.path) cannot predict together, they have other \(difference): predict with each by itself."
        )
      }
    }
  }

  /// The first network's description, with the first caveat that one has.
  public var description: ModelDescription {
    var description = models[0].description
    description.caveat = models.lazy.compactMap(\.description.caveat).first
    return description
  }

  /// What the predictions are made with.
  /// Errors: a mirror image along an axis that a training did not mirror, or may not have.
  public func segmenter(_ use: ModelUse) throws(TrainingError) -> Segmenter {
    for model in models { try model.checkMirroring(use.mirrored) }
    let description = models[0].description
    return Segmenter(
      networks: models.map(\.network), patch: description.patch, classes: description.classNames.count,
      regions: description.regions,
      overlap: use.overlap, weighting: use.weighting, mirrored: use.mirrored,
      placement: description.placement ?? .inside)
  }
}

extension TrainedModel {
  fileprivate func checkMirroring(_ axes: FlipAxes) throws(TrainingError) {
    guard let trained = description.mirrored else {
      guard !axes.isEmpty else { return }
      throw TrainingError(
        "\(path) does not tell which axes its training mirrored, since an earlier version wrote it: leave out --mirror.")
    }
    let foreign = axes.subtracting(trained)
    guard foreign.isEmpty else {
      throw TrainingError(
        "--mirror \(foreign.text): the training of \(path) mirrored \(trained.isEmpty ? "no axis" : "only \(trained.text)"), so the network "
          + "does not know such images: leave \(foreign.text) out.")
    }
  }
}

extension ModelDescription {
  /// What keeps two networks from predicting together; nil if nothing does.
  fileprivate func difference(from other: Self) -> String? {
    if channelNames != other.channelNames { return "channels" }
    if classNames != other.classNames { return "classes" }
    if preparation != other.preparation { return "prepared data" }
    if regions != other.regions { return "regions" }
    if (placement ?? .inside) != (other.placement ?? .inside) { return "places of patches" }
    return patch == other.patch ? nil : "patches"
  }
}
