// Every kind of frozen prior that a run file can name (`prior.kind`), in the order of documentation. Add yours as one line.

import Methods

package let priorCatalog: [PriorKind] = [
  .samMed3D,
  .prototype,
  .atlas,
  .registration,
  .oracle,
]

/// What a prior sees of a volume.
public enum PriorFrame: String, Sendable, CaseIterable {
  /// The whole volume in the prior's own orientation and spacing, encoded once.
  case canonical
  /// The crop, encoded at every step.
  case crop
}

/// A kind of prior: its name in run files, and how one is made.
package struct PriorKind: Sendable {
  package let name: String
  /// A phrase without full stop.
  let summary: String
  /// Whether it is made from the network that `prior.checkpoint` names.
  var usesNetwork = false
  /// Makes the prior before there are data.
  let make: @Sendable (PriorParts) throws -> MadePrior
}

/// What priors are made from.
struct PriorParts {
  let configuration: RunConfiguration
  /// K.
  let classes: Int
  let store: CaseStore
  /// The prior's network; nil for kinds without one.
  let network: PriorNetwork?
  /// The embeddings of whole volumes; nil without a network, and where it sees crops.
  let embeddings: VolumeEmbeddings?

  /// The network of a kind that uses one.
  func requiredNetwork() throws(TrainingError) -> PriorNetwork {
    guard let network else {
      throw TrainingError("prior.kind: \(configuration.priorKind) has no network: set prior.checkpoint.")
    }
    return network
  }

  /// - Parameter what: the line of the run file that asks for embeddings of whole volumes.
  func requiredEmbeddings(for what: String) throws(TrainingError) -> VolumeEmbeddings {
    guard let embeddings else {
      throw TrainingError("\(what) needs the embeddings of whole volumes: set prior.frame: canonical.")
    }
    return embeddings
  }
}

/// A prior, and what is left to do once the volumes can be read.
struct MadePrior {
  let prior: any Prior
  /// Computes what the prior goes by from the labelled volumes; makes no collective call.
  var learn: (LabelledVolumes) throws -> Void = { _ in }
  /// The prior whose prompts are tried on damaged labels; nil where there is nothing to choose.
  var calibrated: SAMPrior?
  /// The prior that answers with what registration finds; nil for others.
  var registered: VolumeLabelPrior?
}
