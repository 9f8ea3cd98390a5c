// The order in which a flat gradient is averaged while the backward pass goes on (Li et al., PyTorch Distributed, arXiv:2006.15704,
// section 3.2): buckets of consecutive parameters, last layers first, because their gradients are ready first. The plan follows
// from the parameters alone, so every rank makes the same.

/// A flat vector cut into buckets. P parameters (floats) in arrays.
public struct BucketPlan: Sendable, Equatable {
  /// Floats of a bucket: 4 MB, 8 MB where 64-bit sums are sent. An array is never cut, so one that is larger is a bucket of
  /// its own.
  private static let bucketFloats = 1 << 20
  /// Floats of the bucket that is reduced last: nothing is left then that could hide it.
  private static let lastBucketFloats = 1 << 18

  /// Ranges of the flat vector in the order of reduction; together all of it.
  public let buckets: [Range<Int>]
  /// Positions in the list of arrays of the arrays of each bucket.
  public let arrays: [Range<Int>]

  /// - Parameters:
  ///   - counts: floats of each array, in the order of the flat vector, which is that of the forward pass.
  ///   - share: of the whole, where the vector stands for a longer one: it is cut into as many buckets as that one.
  public init(counts: [Int], share: Double = 1) {
    let (most, mostLast) = (Int(share * Double(Self.bucketFloats)), Int(share * Double(Self.lastBucketFloats)))
    var offsets = [0]
    for count in counts { offsets.append(offsets.last! + count) }
    var arrays: [Range<Int>] = []
    func isFull(_ range: Range<Int>, _ limit: Int) -> Bool { offsets[range.upperBound] - offsets[range.lowerBound] > limit }
    // The first layers, then what lies behind them, from the end.
    var first = 0
    while first < counts.count, first == 0 || !isFull(0..<first + 1, mostLast) { first += 1 }
    var end = counts.count
    while end > first {
      var start = end - 1
      while start > first, !isFull(start - 1..<end, most) { start -= 1 }
      arrays.append(start..<end)
      end = start
    }
    if first > 0 { arrays.append(0..<first) }
    self.arrays = arrays
    buckets = arrays.map { offsets[$0.lowerBound]..<offsets[$0.upperBound] }
  }
}
