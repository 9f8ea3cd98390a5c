// Weights that the program carries, so that it needs no files beside it: the demo prior and the demo SAM, for a first try without a download.
// `PriorDescription` (Training) reads by which command each was made.

import CDemoWeights

/// Weights that are part of the program, as safetensors. Wherever the path of a file of weights may stand, the name of a case may.
public enum EmbeddedWeights: String, Sendable, CaseIterable {
  case demoPrior = "demo prior"
  case demoSAM = "demo SAM"

  /// Valid as long as the program runs; the ranks of a host share the pages.
  public var bytes: UnsafeRawBufferPointer {
    switch self {
    case .demoPrior: UnsafeRawBufferPointer(start: cohort_demo_prior_start(), count: cohort_demo_prior_bytes())
    case .demoSAM: UnsafeRawBufferPointer(start: cohort_demo_sam_start(), count: cohort_demo_sam_bytes())
    }
  }
}
