// A frozen prior knows whole volumes: what it says of them can be brought to a crop that was cut, turned by quarter turns or mirrored, not to one
// that was turned or scaled freely.

extension RunConfiguration {
  /// Refuses a prior that would have to follow crops turned by `augmentation.kind: nnunet`.
  func requirePriorFollowsCrops() throws(TrainingError) {
    let seesCrops =
      self.priorKind == PriorKind.samMed3D.name && self.priorFrame == .crop && ![.prototype, .atlas].contains(self.priorPrompt)
    guard self.augmentationKind == .nnunet, self.priorKind != "none", !seesCrops else { return }
    throw TrainingError(
      "augmentation.kind: nnunet turns and scales crops, and prior.kind: \(self.priorKind) answers for whole volumes: set augmentation.kind: flip, "
        + "prior.kind: none, or sam-med3d with prior.frame: crop.")
  }
}
