// `prior.kind: registration`: the labels of the labelled volumes, carried to each unlabelled one.

import Methods

extension PriorKind {
  static let registration = PriorKind(
    name: "registration", summary: "labels that registration carries from the labelled volumes to the others"
  ) { parts in
    let prior = VolumeLabelPrior(title: "registration", classes: parts.classes)
    return MadePrior(prior: prior, registered: prior)
  }
}
