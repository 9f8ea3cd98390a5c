// The metrics of the benchmarks, and what a score with an empty mask counts for when cases are averaged (0 for all in
// yulequan/UA-MT, code/test_util.py; left out where both are empty in MIC-DKFZ/nnUNet, nnunetv2/evaluation/evaluate_predictions.py; `diagonal` is
// ours).

/// What an empty prediction or reference counts for in an average.
public enum EmptyPolicy: String, Codable, Sendable, CaseIterable {
  /// The whole row counts 0 in every metric: what the published benchmark scripts do. An empty prediction then gets perfect distances.
  case zero
  /// A class that neither has is left out of every average, and a distance also where one of the two is empty.
  case skip
  /// A distance counts as the diagonal of the scan when one of the two is empty; where both are, the row counts as perfect.
  case diagonal
}

/// A column of the score table. Add a metric as one case here and one field in `CaseScore`.
public enum Metric: String, Codable, Sendable, CaseIterable {
  case dice, jaccard, surfaceDice, averageSurfaceDistance, averageSymmetricSurfaceDistance, hausdorff95, hausdorff

  public var name: String {
    switch self {
    case .dice: "Dice"
    case .jaccard: "Jaccard"
    case .surfaceDice: "NSD"
    case .averageSurfaceDistance: "ASD"
    case .averageSymmetricSurfaceDistance: "ASSD"
    case .hausdorff95: "95HD"
    case .hausdorff: "HD"
    }
  }

  /// Whether values are lengths (lower is better) rather than overlaps in 0...1 (higher is better).
  public var isDistance: Bool {
    switch self {
    case .dice, .jaccard, .surfaceDice: false
    case .averageSurfaceDistance, .averageSymmetricSurfaceDistance, .hausdorff95, .hausdorff: true
    }
  }

  /// What this score adds to an average; nil when it is left out.
  public func value(of score: CaseScore, policy: EmptyPolicy) -> Double? {
    if score.isEmpty && policy == .zero { return 0 }
    if score.isEmpty && policy == .diagonal && isDistance { return score.diagonal }
    switch self {
    case .dice: return score.dice
    case .jaccard: return score.jaccard
    case .surfaceDice: return score.surfaceDice
    case .averageSurfaceDistance: return score.averageSurfaceDistance
    case .averageSymmetricSurfaceDistance: return score.averageSymmetricSurfaceDistance
    case .hausdorff95: return score.hausdorff95
    case .hausdorff: return score.hausdorff
    }
  }

  /// What a class that neither prediction nor reference has adds to an average; nil when it is left out.
  public func valueOfAbsence(policy: EmptyPolicy) -> Double? {
    switch policy {
    case .zero: 0
    case .skip: nil
    case .diagonal: isDistance ? 0 : 1
    }
  }
}
