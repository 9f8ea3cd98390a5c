// Wilcoxon's signed-rank test of paired values, and the interval that belongs to it: nothing is assumed of how differences are distributed, but that they
// lie alike on both sides of their middle (Wilcoxon, Biometrics Bulletin 1945; Hodges and Lehmann, Annals of Mathematical Statistics 1963).

import Foundation

/// What paired differences say about the middle of their distribution.
public struct SignedRank: Codable, Sendable, Equatable {
  /// The median of the means of all pairs of differences (Hodges and Lehmann's estimate).
  public let middle: Double
  /// Of the middle, 95 %; nil for fewer than six differences, which allow none.
  public let interval: ClosedRange<Double>?
  /// Two-sided, of there being no difference; 1 where all are zero.
  public let p: Double

  /// The most differences of which every order of signs is counted; more, and such with equal ranks, are taken as normally distributed.
  private static let mostCounted = 50

  /// - Parameter differences: at least one, finite. Zeros count for the middle and its interval, not for `p`, as Wilcoxon has it.
  public init?(_ differences: [Double]) {
    guard !differences.isEmpty else { return nil }
    let walsh = Self.pairMeans(differences)
    middle = (walsh[(walsh.count - 1) / 2] + walsh[walsh.count / 2]) / 2
    p = Self.probability(of: differences.filter { $0 != 0 })
    let outside = Self.outside(differences.count)
    interval = outside > 0 ? walsh[outside - 1]...walsh[walsh.count - outside] : nil
  }

  /// Means of all pairs, each difference with itself as well, sorted.
  private static func pairMeans(_ values: [Double]) -> [Double] {
    values.indices.flatMap { first in values[first...].map { (values[first] + $0) / 2 } }.sorted()
  }

  private static func probability(of differences: [Double]) -> Double {
    let count = differences.count, ranks = averageRanks(differences.map(abs))
    guard count > 0 else { return 1 }
    let positive = zip(ranks, differences).reduce(0) { $0 + ($1.1 > 0 ? $1.0 : 0) }
    let smaller = min(positive, Double(count * (count + 1) / 2) - positive)
    let hasTies = Set(ranks).count < count
    if count <= mostCounted, !hasTies {
      return min(1, 2 * shares(count).prefix(Int(smaller) + 1).reduce(0, +))
    }
    let (mean, deviation) = normal(ranks)
    return deviation == 0 ? 1 : erfc((mean - smaller) / deviation / 2.0.squareRoot())
  }

  /// How many of the smallest pair means lie below the interval, counted with its border; 0 where no border is that improbable.
  private static func outside(_ count: Int) -> Int {
    guard count <= mostCounted else {
      let (mean, deviation) = normal((1...count).map(Double.init))
      return Int(mean - 1.959963985 * deviation)
    }
    var below = 0.0, sum = 0
    for share in shares(count) {
      below += share
      if below > 0.025 { return sum }
      sum += 1
    }
    return sum
  }

  /// For each sum of the ranks 1...count that have one sign, the share of all orders of signs that give it.
  private static func shares(_ count: Int) -> [Double] {
    var shares = [Double](repeating: 0, count: count * (count + 1) / 2 + 1)
    shares[0] = 1
    for rank in 1...count {
      for sum in stride(from: rank * (rank + 1) / 2, through: 0, by: -1) {
        shares[sum] = (shares[sum] + (sum >= rank ? shares[sum - rank] : 0)) / 2
      }
    }
    return shares
  }

  /// Mean and standard deviation of the sum of the ranks that have one sign. Equal ranks have a smaller one, since their squares add up to less.
  private static func normal(_ ranks: [Double]) -> (mean: Double, deviation: Double) {
    (ranks.reduce(0, +) / 2, (ranks.reduce(0) { $0 + $1 * $1 }).squareRoot() / 2)
  }
}
