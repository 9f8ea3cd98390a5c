// Resampling of label maps: each class's mask linearly, and a rule by which a class is chosen (MIC-DKFZ/nnUNet,
// nnunetv2/preprocessing/resampling/default_resampling.py).
// Axes: D depth, H height, W width; row-major, W fastest.

import Volumes

/// The class of a voxel between others, whose eight (or, along a separate axis, four) neighbours have a weight each.
public enum LabelRule: Sendable {
  /// The highest class that holds at least half of the weight; background if none does.
  case half
  /// The class that holds most; of several the one of the nearest neighbour if it is among them, else the lowest (nnU-Net 2.8 with
  /// MIC-DKFZ/batchgenerators 0.25.5). Weights are rounded and summed as in scipy.ndimage.zoom, on which a tie depends.
  case most
}

/// Labels [D, H, W] on a new grid.
public func resampleLabels(
  _ labels: [UInt8], from: Extent, spacing: Spacing, to: Extent, newSpacing: Spacing, rule: LabelRule = .half
) -> [UInt8] {
  guard labels.count == from.count else {
    fatalError("resample: \(labels.count) labels are not \(from); pass the whole volume")
  }
  guard from != to else { return labels }
  let taps = LinearTaps.all(from: from, spacing: spacing, to: to, newSpacing: newSpacing, exact: rule == .half)
  var result = [UInt8](repeating: 0, count: to.count)
  labels.withUnsafeBufferPointer { labels in
    result.withUnsafeMutableBufferPointer { result in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 256) { votes in
        votes.initialize(repeating: 0)
        for d in 0..<to.depth {
          for h in 0..<to.height {
            let rows = LabelRows(labels.baseAddress!, from, taps, d, h)
            rows.blend(taps[2], rule, votes, to: result.baseAddress! + to.index(d, h, 0), count: to.width)
          }
        }
      }
    }
  }
  return result
}

/// The four source rows around an output row, and their weights.
private struct LabelRows {
  let a, b, c, d: UnsafePointer<UInt8>
  let weightA, weightB, weightC, weightD: Double
  /// The one that is nearest to the output row.
  let nearest: UnsafePointer<UInt8>

  init(_ labels: UnsafePointer<UInt8>, _ extent: Extent, _ taps: [LinearTaps], _ depth: Int, _ height: Int) {
    let (front, back) = (taps[0].lower[depth], taps[0].upper[depth])
    let (low, high) = (taps[1].lower[height], taps[1].upper[height])
    let (z, y) = (taps[0].upperShare[depth], taps[1].upperShare[height])
    a = labels + extent.index(front, low, 0)
    b = labels + extent.index(front, high, 0)
    c = labels + extent.index(back, low, 0)
    d = labels + extent.index(back, high, 0)
    (weightA, weightB, weightC, weightD) = ((1 - z) * (1 - y), (1 - z) * y, z * (1 - y), z * y)
    nearest = z < 0.5 ? (y < 0.5 ? a : b) : (y < 0.5 ? c : d)
  }

  func blend(
    _ taps: LinearTaps, _ rule: LabelRule, _ votes: UnsafeMutableBufferPointer<Double>, to result: UnsafeMutablePointer<UInt8>,
    count: Int
  ) {
    for column in 0..<count {
      let (left, right) = (taps.lower[column], taps.upper[column])
      let first = a[left]
      let same =
        first == a[right] && first == b[left] && first == b[right] && first == c[left] && first == c[right] && first == d[left]
        && first == d[right]
      if same {
        result[column] = first
      } else {
        addAll(left, right, taps.upperShare[column], votes)
        result[column] =
          rule == .half
          ? takeHalf(left, right, votes) : takeMost(left, right, taps.upperShare[column] < 0.5 ? left : right, votes)
      }
    }
  }

  private func addAll(_ left: Int, _ right: Int, _ share: Double, _ votes: UnsafeMutableBufferPointer<Double>) {
    add(a, weightA, left, right, share, votes)
    add(b, weightB, left, right, share, votes)
    add(c, weightC, left, right, share, votes)
    add(d, weightD, left, right, share, votes)
  }

  /// The label with most votes; the votes are then cleared.
  private func takeMost(
    _ left: Int, _ right: Int, _ closest: Int, _ votes: UnsafeMutableBufferPointer<Double>
  ) -> UInt8 {
    let neighbours = (a[left], a[right], b[left], b[right], c[left], c[right], d[left], d[right])
    return withUnsafeBytes(of: neighbours) { labels in
      var best = labels[0]
      for label in labels where votes[Int(label)] > votes[Int(best)] || votes[Int(label)] == votes[Int(best)] && label < best {
        best = label
      }
      if votes[Int(nearest[closest])] == votes[Int(best)] { best = nearest[closest] }
      for label in labels { votes[Int(label)] = 0 }
      return best
    }
  }

  private func takeHalf(_ left: Int, _ right: Int, _ votes: UnsafeMutableBufferPointer<Double>) -> UInt8 {
    let front = max(take(a, left, right, votes), take(b, left, right, votes))
    return max(front, take(c, left, right, votes), take(d, left, right, votes))
  }

  private func add(
    _ row: UnsafePointer<UInt8>, _ weight: Double, _ left: Int, _ right: Int, _ share: Double,
    _ votes: UnsafeMutableBufferPointer<Double>
  ) {
    votes[Int(row[left])] += weight * (1 - share)
    votes[Int(row[right])] += weight * share
  }

  /// The highest label of a row that has half of the votes (background if none has); the row's votes are then cleared.
  private func take(
    _ row: UnsafePointer<UInt8>, _ left: Int, _ right: Int, _ votes: UnsafeMutableBufferPointer<Double>
  ) -> UInt8 {
    let half = 0.5 - 1e-9  // the weights of a tie may sum to a hair less by rounding
    let first = votes[Int(row[left])] >= half ? row[left] : 0
    let second = votes[Int(row[right])] >= half ? row[right] : 0
    votes[Int(row[left])] = 0
    votes[Int(row[right])] = 0
    return max(first, second)
  }
}
