// `prior.kind: atlas`: the mean label of the labelled volumes, where the patient lies alike.

import Methods

extension PriorKind {
  static let atlas = PriorKind(name: "atlas", summary: "the mean label map of the labelled volumes") { _ in
    let prior = AtlasPrior()
    return MadePrior(prior: prior, learn: { prior.atlas = try $0.atlas() })
  }
}
