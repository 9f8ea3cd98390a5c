// The four metrics of the benchmarks, and what a score with an empty mask counts for when cases are averaged (0 for all in
// yulequan/UA-MT, code/test_util.py; the other rules are ours).

/// What an undefined surface distance, from an empty prediction or reference, counts for in an average.
public enum EmptyPolicy: String, Codable, Sendable, CaseIterable {
  /// The whole row counts 0 in every metric: what the published benchmark scripts do. An empty prediction then gets perfect distances.
  case zero
  /// The distance is left out of the average.
  case skip
  /// The distance counts as the diagonal of the scan when one of the two is empty, and 0 when both are.
  case diagonal
}

/// A column of the score table. Add a metric as one case here and one field in `CaseScore`.
public enum Metric: String, Codable, Sendable, CaseIterable {
  case dice, jaccard, averageSurfaceDistance, hausdorff95

  public var name: String {
    switch self {
    case .dice: "Dice"
    case .jaccard: "Jaccard"
    case .averageSurfaceDistance: "ASD"
    case .hausdorff95: "95HD"
    }
  }

  /// Whether values are lengths (lower is better) rather than overlaps in 0...1 (higher is better).
  public var isDistance: Bool { self == .averageSurfaceDistance || self == .hausdorff95 }

  /// What this score adds to an average; nil when it is left out.
  public func value(of score: CaseScore, policy: EmptyPolicy) -> Double? {
    if score.isEmpty && policy == .zero { return 0 }
    if score.isEmpty && policy == .diagonal && isDistance {
      return score.predictionVoxels == score.referenceVoxels ? 0 : score.diagonal
    }
    switch self {
    case .dice: return score.dice
    case .jaccard: return score.jaccard
    case .averageSurfaceDistance: return score.averageSurfaceDistance
    case .hausdorff95: return score.hausdorff95
    }
  }
}
