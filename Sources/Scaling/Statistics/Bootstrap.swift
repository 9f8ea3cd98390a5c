// Bootstrap intervals: few repeats of something that is neither symmetric nor free of outliers.

import Kernels
import Tensors

/// A number with its 95 % interval.
public struct Estimate: Codable, Sendable, Equatable {
  public var value: Double
  public var low: Double
  public var high: Double

  public init(_ value: Double, low: Double, high: Double) { (self.value, self.low, self.high) = (value, low, high) }

  /// - Parameter draws: values of the same number by resampling.
  package init(_ value: Double, draws: [Double]) {
    let sorted = draws.sorted()
    self.init(value, low: min(value, quantile(ofSorted: sorted, 0.025)), high: max(value, quantile(ofSorted: sorted, 0.975)))
  }

  /// What `transform`, which never falls, makes of it; `falling` for one that never rises.
  func mapped(falling: Bool = false, _ transform: (Double) -> Double) -> Estimate {
    let (low, high) = (transform(low), transform(high))
    return Estimate(transform(value), low: falling ? high : low, high: falling ? low : high)
  }
}

/// A statistic of several samples with its percentile interval: each sample is drawn from with replacement by itself, `draws`
/// times.
///
/// - Parameters:
///   - key: all random numbers follow from it.
///   - statistic: of samples as long as those given.
package func bootstrap(_ samples: [[Double]], draws: Int = 2000, key: RandomKey, _ statistic: ([[Double]]) -> Double) -> Estimate
{
  Estimate(statistic(samples), draws: (0..<draws).map { statistic(resampled(samples, key: key.child(UInt64($0)))) })
}

/// Draws as many values of each sample as it has, with replacement.
package func resampled<Value>(_ samples: [[Value]], key: RandomKey) -> [[Value]] {
  samples.enumerated().map { number, sample in
    let key = key.child(UInt64(number))
    return sample.indices.map { sample[key.integer(UInt64($0), below: sample.count)] }
  }
}
