// How often intensities occur, in at most 65,536 bins that are as narrow as this allows. Histograms can be merged in any order and in any groups with
// the same result, so it does not depend on how many ranks share a data set. nnU-Net keeps 10⁸ random values instead.
//
// A bin holds all floats that agree in sign, exponent and the leading bits of their fraction. As long as 65,536 bins suffice each holds a single value,
// which is so for integers of CT; else the last bits are dropped, one after the other.

import Preparation

/// Weights of intensities.
package struct IntensityHistogram: Codable, Equatable {
  package static let mostBins = 65_536
  /// The weight of a whole case in a merged histogram.
  static let caseWeight: UInt64 = 1 << 32

  /// Bits of the fraction that are dropped.
  package private(set) var droppedBits = 0
  /// Ordered, each with the weight of the same place.
  private(set) var bins: [UInt32] = []
  private(set) var weights: [UInt64] = []

  /// Nothing.
  package init() {}

  /// Counts finite values.
  package init(counting values: [Float]) {
    // In pieces, so that no second copy of a large volume is made.
    for start in stride(from: 0, to: values.count, by: 1 << 20) {
      merge(Self(sorted: values[start..<min(start + 1 << 20, values.count)].map(orderedBits).sorted()))
    }
  }

  private init(sorted keys: [UInt32]) {
    for key in keys { append(key, 1) }
    narrow()
  }

  /// The same distribution with the weight of a case in place of counts. The steps of its rounded cumulative sum are the weights, so they add up
  /// exactly, and merging bins before or after gives the same.
  package func normalized() -> IntensityHistogram {
    let total = weights.reduce(0, +)
    var result = self, sum: UInt64 = 0, before: UInt64 = 0
    for index in weights.indices {
      sum += weights[index]
      let (high, low) = sum.multipliedFullWidth(by: Self.caseWeight)
      let now = total.dividingFullWidth((high, low)).quotient
      (result.weights[index], before) = (now - before, now)
    }
    return result
  }

  package mutating func merge(_ other: IntensityHistogram) {
    let (a, b) = (coarsened(to: other.droppedBits), other.coarsened(to: droppedBits))
    var merged = IntensityHistogram()
    merged.droppedBits = a.droppedBits
    var (i, j) = (0, 0)
    while i < a.bins.count || j < b.bins.count {
      if j == b.bins.count || i < a.bins.count && a.bins[i] <= b.bins[j] {
        merged.append(a.bins[i], a.weights[i])
        i += 1
      } else {
        merged.append(b.bins[j], b.weights[j])
        j += 1
      }
    }
    merged.narrow()
    self = merged
  }

  /// The intensity below which the share `probability` of the weight lies; within a bin that holds several, in proportion.
  package func quantile(_ probability: Double) -> Double {
    let total = weights.reduce(0, +), wanted = probability * Double(total)
    var sum: UInt64 = 0
    for index in bins.indices {
      let next = sum + weights[index]
      if Double(next) >= wanted, weights[index] > 0 {
        let share = max(0, (wanted - Double(sum)) / Double(weights[index]))
        return lowest(bins[index]) + share * (highest(bins[index]) - lowest(bins[index]))
      }
      sum = next
    }
    return bins.last.map(highest) ?? .nan
  }

  private mutating func append(_ bin: UInt32, _ weight: UInt64) {
    if bins.last == bin {
      weights[weights.count - 1] += weight
    } else {
      bins.append(bin)
      weights.append(weight)
    }
  }

  private mutating func narrow() { while bins.count > Self.mostBins { self = coarsened(to: droppedBits + 1) } }

  private func coarsened(to bits: Int) -> IntensityHistogram {
    guard bits > droppedBits else { return self }
    var result = IntensityHistogram()
    result.droppedBits = bits
    for index in bins.indices { result.append(bins[index] >> UInt32(bits - droppedBits), weights[index]) }
    return result
  }

  private func lowest(_ bin: UInt32) -> Double { Double(floatOfOrderedBits(bin << UInt32(droppedBits))) }

  private func highest(_ bin: UInt32) -> Double {
    let dropped = UInt32(1) << UInt32(droppedBits) - 1
    return Double(floatOfOrderedBits(bin << UInt32(droppedBits) | dropped))
  }
}
