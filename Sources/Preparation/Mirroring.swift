// A patch and its mirror images through a network, averaged (MIC-DKFZ/nnUNet, nnunetv2/inference/predict_from_raw_data.py): the images of one axis after
// those of none, those of two after those of one. Axes: D depth, H height, W width, C channels; row-major, the last axis fastest.

import Volumes

extension FlipAxes {
  /// Every axis with its letter.
  public static let named: [(name: String, axis: FlipAxes)] = [("D", .depth), ("H", .height), ("W", .width)]

  /// Axes by their letters; nil for any other.
  public init?(names: [String]) {
    let axes = names.compactMap { name in Self.named.first { $0.name == name }?.axis }
    guard axes.count == names.count else { return nil }
    self.init(axes)
  }

  /// The letters, as in "D, H".
  public var text: String { Self.named.filter { contains($0.axis) }.map(\.name).joined(separator: ", ") }
}

/// The mirror images of a patch along all combinations of some axes, itself among them.
public struct Mirrorings: Sendable {
  private let flips: [PatchPermutation]

  public init(_ axes: FlipAxes) {
    let subsets = (0..<8).map { FlipAxes(rawValue: $0) }.filter { axes.isSuperset(of: $0) }.map(\.axes)
    flips = subsets.sorted { $0.count != $1.count ? $0.count < $1.count : $0.lexicographicallyPrecedes($1) }
      .map { PatchPermutation(quarterTurns: 0, flips: $0) }
  }

  public var count: Int { flips.count }

  /// The mean of all scores of all mirror images, each mirrored back. Shapes: patch [D, H, W, C]; scores and result [D, H, W, K].
  /// - Parameter scores: what each of several networks makes of a mirror image; always as many.
  public func mean(of patch: [Float], extent: Extent, channels: Int, scores: ([Float]) -> [[Float]]) -> [Float] {
    var sum: [Float] = [], count = 0
    for flip in flips {
      for found in scores(flip.apply(patch, extent: extent, channels: channels)) {
        let back = flip.apply(found, extent: extent, channels: found.count / extent.count)
        if count == 0 { sum = back } else { add(back, to: &sum) }
        count += 1
      }
    }
    if count > 1 { divide(&sum, by: Float(count)) }
    return sum
  }

  private func add(_ values: [Float], to sum: inout [Float]) {
    values.withUnsafeBufferPointer { values in
      sum.withUnsafeMutableBufferPointer { sum in for index in 0..<sum.count { sum[index] += values[index] } }
    }
  }

  private func divide(_ values: inout [Float], by count: Float) {
    values.withUnsafeMutableBufferPointer { values in for index in 0..<values.count { values[index] /= count } }
  }
}
