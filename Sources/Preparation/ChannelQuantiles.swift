// Range and exact quantiles of one channel of an image [D, H, W, C].

/// The smallest and largest value of a channel.
func channelRange(_ image: [Float], channel: Int, of channels: Int) -> (minimum: Float, maximum: Float) {
  var (minimum, maximum) = (Float.infinity, -Float.infinity)
  image.withUnsafeBufferPointer { image in
    var index = channel
    while index < image.count {
      let value = image[index]
      minimum = value < minimum ? value : minimum
      maximum = value > maximum ? value : maximum
      index += channels
    }
  }
  return (minimum, maximum)
}

/// The quantiles of a channel, each by linear interpolation between the order statistics around q·(n - 1). Exact; no sorting.
package func quantiles(_ image: [Float], channel: Int, of channels: Int, _ probabilities: [Double]) -> [Double] {
  let count = image.count / channels
  guard count > 0 else { fatalError("quantiles: the image has no voxels; pass at least one") }
  let counter = OrderCounter(image, channel: channel, of: channels)
  return probabilities.map { probability in
    let position = probability * Double(count - 1)
    let below = Int(position)
    let lower = Double(counter.orderStatistic(below))
    let upper = Double(counter.orderStatistic(min(below + 1, count - 1)))
    return lower + (upper - lower) * (position - Double(below))
  }
}

/// Finds the value of a given rank: a histogram over the high 16 bits of each value, then one over the low 16 bits within a single bin.
private final class OrderCounter {
  private let image: [Float]
  private let channel: Int
  private let channels: Int
  private let high: [Int32]
  private var lowHistograms: [UInt32: [Int32]] = [:]

  init(_ image: [Float], channel: Int, of channels: Int) {
    (self.image, self.channel, self.channels) = (image, channel, channels)
    var high = [Int32](repeating: 0, count: 65536)
    high.withUnsafeMutableBufferPointer { high in
      image.withUnsafeBufferPointer { image in
        var index = channel
        while index < image.count {
          high[Int(orderedBits(image[index]) >> 16)] &+= 1
          index += channels
        }
      }
    }
    self.high = high
  }

  /// The value with `rank` smaller or equal values before it.
  func orderStatistic(_ rank: Int) -> Float {
    let (bin, remaining) = Self.find(rank, in: high)
    let (low, _) = Self.find(remaining, in: lowHistogram(UInt32(bin)))
    return floatOfOrderedBits(UInt32(bin) << 16 | UInt32(low))
  }

  private static func find(_ rank: Int, in histogram: [Int32]) -> (bin: Int, remaining: Int) {
    var remaining = rank
    for (bin, count) in histogram.enumerated() {
      if remaining < Int(count) { return (bin, remaining) }
      remaining -= Int(count)
    }
    fatalError("order statistic \(rank) is beyond the number of voxels; ask for a rank below it")
  }

  private func lowHistogram(_ bin: UInt32) -> [Int32] {
    if let known = lowHistograms[bin] { return known }
    var low = [Int32](repeating: 0, count: 65536)
    low.withUnsafeMutableBufferPointer { low in
      image.withUnsafeBufferPointer { image in
        var index = channel
        while index < image.count {
          let bits = orderedBits(image[index])
          if bits >> 16 == bin { low[Int(bits & 0xFFFF)] &+= 1 }
          index += channels
        }
      }
    }
    lowHistograms[bin] = low
    return low
  }
}

/// Bits that order as the values do: the sign bit inverted for positive values, all bits for negative ones.
package func orderedBits(_ value: Float) -> UInt32 {
  let bits = value.bitPattern
  return bits ^ (bits >> 31 == 1 ? 0xFFFF_FFFF : 0x8000_0000)
}

/// The value of ordered bits.
package func floatOfOrderedBits(_ bits: UInt32) -> Float {
  Float(bitPattern: bits ^ (bits >> 31 == 1 ? 0x8000_0000 : 0xFFFF_FFFF))
}
