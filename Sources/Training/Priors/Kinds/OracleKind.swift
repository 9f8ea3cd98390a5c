// `prior.kind: oracle`: the truth, damaged as asked, for tests and for what a perfect prior would give.

import Methods

extension PriorKind {
  static let oracle = PriorKind(name: "oracle", summary: "the ground truth with noise, for tests") { parts in
    let configuration = parts.configuration, store = parts.store
    return MadePrior(
      prior: OraclePrior(noise: configuration.priorNoise, classes: parts.classes, seed: configuration.seed) {
        identifier throws(MethodError) in try store.volumeForMethods(identifier).label
      })
  }
}
