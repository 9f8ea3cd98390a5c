// The rank for which the others wait, found by a robust z-score: how many deviations it lies above the median of the ranks, both
// taken so that a few slow ranks do not hide themselves (Iglewicz and Hoaglin, How to detect and handle outliers, 1993). Times are
// for one lane: who has more lanes is not slow.

import Cluster

/// A rank that needs clearly longer for a lane than the others.
package struct SlowRank: Equatable {
  package enum Cause: Equatable { case computing, loading }
  package let rank: Int
  package let host: String
  package let cause: Cause
  /// Its time for the cause over the median rank's.
  package let ratio: Double
  /// The part of their time for which the others wait, 0...1.
  package let othersWait: Double

  /// What a z-score must exceed.
  static let limit = 3.5
  /// The lower bound of the standard deviation as a share of the median, so that nearly equal ranks are never named: what is named
  /// is slower by a sixth or more.
  static let leastDeviation = 0.05

  /// The slow ranks of the last steps; none before the window is full, and none where nothing can be compared.
  package static func find(in history: RankHistory) -> [SlowRank] {
    let ranks = history.hosts.indices
    guard history.recent.count == RankHistory.window, ranks.count > 1 else { return [] }
    func medians(_ value: (RankSeconds) -> Double) -> [Double] {
      ranks.map { rank in lowerMedian(history.recent.map { value($0[rank]) }) / Double(history.lanes[rank]) }
    }
    let work = medians(\.work), load = medians(\.load), compute = medians(\.compute)
    let rows = history.recentRows
    return zip(ranks, scores(work)).filter { $1 > limit }.map { rank, _ in
      let others = rows.filter { $0.rank != rank }.map(\.waitShare)
      let (usualLoad, usualCompute) = (lowerMedian(load), lowerMedian(compute))
      let isLoading = load[rank] - usualLoad > compute[rank] - usualCompute
      return SlowRank(
        rank: rank, host: history.hosts[rank], cause: isLoading ? .loading : .computing,
        ratio: isLoading ? load[rank] / max(usualLoad, 1e-9) : compute[rank] / max(usualCompute, 1e-9),
        othersWait: others.reduce(0, +) / Double(others.count))
    }
  }

  /// The robust z-score of each value.
  package static func scores(_ values: [Double]) -> [Double] {
    let center = lowerMedian(values)
    // 1.4826 makes the median deviation of a normal distribution its standard deviation.
    let deviation = max(1.4826 * lowerMedian(values.map { abs($0 - center) }), leastDeviation * center, .leastNormalMagnitude)
    return values.map { ($0 - center) / deviation }
  }

  /// The median; the lower of the two in the middle where the number is even, so that of two ranks the faster is the measure.
  private static func lowerMedian(_ values: [Double]) -> Double { values.sorted()[(values.count - 1) / 2] }

  package var warning: String {
    let waiting = "the others wait \(Int((100 * othersWait).rounded())) % of the time."
    return switch cause {
    case .computing:
      "rank \(rank) on \(host) computes \(ratio.formatted(decimals: 1)) times as long as the median rank: \(waiting) "
        + "Look there for other programs, too few cores for its threads or a slow clock, or leave the host out."
    case .loading:
      "rank \(rank) on \(host) loads volumes \(ratio.formatted(decimals: 1)) times as long as the median rank: \(waiting) "
        + "Look at its disk or its way to the file server, or copy the prepared data there."
    }
  }
}
