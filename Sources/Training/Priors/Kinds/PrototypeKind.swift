// `prior.kind: prototype`: tokens compared with those of the labelled volumes; no decoder, no prompt.

import Methods

extension PriorKind {
  static let prototype = PriorKind(
    name: "prototype", summary: "the class whose mean token in the labelled volumes is nearest",
    usesNetwork: true
  ) { parts in
    let embeddings = try parts.requiredEmbeddings(for: "prior.kind: prototype")
    let prior = PrototypePrior(source: embeddings, tokenChannels: try parts.requiredNetwork().network.plan.promptDimension)
    return MadePrior(prior: prior, learn: { prior.prototypes = try $0.prototypes(from: embeddings) })
  }
}
