// What a stage that trains with a method is put together from: the settings and the data, checked against each other.

import Learning
import Methods
import Networks
import Preparation
import Volumes

extension RunConfiguration {
  /// Whether the method, with its options, looks at a frozen prior.
  var asksPrior: Bool { methodCatalog.contains { $0.name == self.methodName && $0.usesPrior(self.methodOptions) } }

  /// Throws if the method cannot learn from such data in the way that is asked for.
  func check(_ index: PackIndex) throws {
    guard self.unlabelledSampling == .cases || !index.phases.isEmpty else {
      throw TrainingError(
        "sampling.unlabelled is phases, but \(self.data) tells no phases: list them in the data set's manifest.csv, or take cases."
      )
    }
    if asksPrior { try requirePriorFollowsCrops() }
    if methodCatalog.contains(where: { $0.name == self.methodName && $0.needsEveryLabel(self.methodOptions) }) {
      try index.requireNoIgnored("larc.scope: all", in: self.data, or: "method.larc.scope: unlabelled")
    }
  }
}

extension PriorSetup {
  /// - Returns: nil for methods that ask no prior, and for `prior.kind: none`.
  convenience init?(ifAskedBy configuration: RunConfiguration, classes: Int, store: CaseStore) throws {
    guard configuration.asksPrior else { return nil }
    try self.init(configuration, classes: classes, store: store)
    try store.index.requireNoIgnored("a prior", in: configuration.data, or: "prior.kind: none")
  }
}

extension MethodPlan {
  init(
    _ configuration: RunConfiguration, _ description: ModelDescription, _ index: PackIndex, _ prior: NegatablePrior?
  ) {
    self.init(
      networkName: description.network, network: description.plan, options: configuration.methodOptions,
      patch: (0..<3).map { configuration.patch[$0] }, prior: prior, groups: index.phases,
      labels: description.classNames.count, regions: index.labels.regions?.map(\.labels), hasIgnored: index.labels.hasIgnored)
  }
}

extension PatchSampler {
  init(_ configuration: RunConfiguration, _ index: PackIndex) {
    self.init(
      patch: configuration.patch, seed: configuration.seed, foregroundShare: configuration.foregroundShare,
      augmentation: PatchAugmentation(
        configuration.augmentationKind, flipAxes: configuration.flipAxes, families: configuration.augmentationFamilies,
        contrastProbability: configuration.contrastProbability),
      placement: configuration.placement, labels: index.labels, clearsOutside: clearedChannels(index))
  }
}

/// For each channel whether it is 0 outside of the object, because it was normalised in it alone.
private func clearedChannels(_ index: PackIndex) -> [Bool] {
  (try? PreparationSettings(text: index.preparation))?.planned?.channels.map(\.usesMask) ?? []
}
