// `prior.kind: sam-med3d`: a promptable network, asked about each class.

import Methods
import Networks

extension PriorKind {
  static let samMed3D = PriorKind(
    name: SAMMed3D.name, summary: "SAM-Med3D, asked about each class", usesNetwork: true
  ) { parts in
    let configuration = parts.configuration, prompt = configuration.priorPrompt, patch = configuration.patch
    let network = try parts.requiredNetwork()
    if prompt == .prototype { _ = try parts.requiredEmbeddings(for: "prior.prompt: prototype") }
    let source: any EmbeddingSource =
      try parts.embeddings
      ?? CropEmbedding(
        network.network, patch: [patch.depth, patch.height, patch.width], noise: configuration.priorNoise,
        seed: configuration.seed)
    let prior = SAMPrior(network.network, title: network.title, source: source, prompt: prompt, seed: configuration.seed)
    return MadePrior(
      prior: prior,
      learn: { volumes in
        if prompt == .prototype { prior.prototypes = try volumes.prototypes(from: source) }
        if prompt == .atlas { prior.atlas = try volumes.atlas() }
      }, calibrated: prior)
  }
}
