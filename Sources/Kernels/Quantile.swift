// Medians and quantiles of a few numbers, such as times.

/// Returns the middle value, or the mean of the two in the middle; nan of nothing.
public func median(_ values: [Double]) -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = values.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

/// Returns a quantile by linear interpolation between the two values around `share`·(n - 1).
/// - Parameters:
///   - sorted: the values in ascending order, at least one.
///   - share: 0 for the smallest value, 1 for the largest.
public func quantile(ofSorted sorted: [Double], _ share: Double) -> Double {
  let position = share * Double(sorted.count - 1), below = Int(position)
  return sorted[below] + (sorted[min(below + 1, sorted.count - 1)] - sorted[below]) * (position - Double(below))
}
