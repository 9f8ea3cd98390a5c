// From class scores on the prepared grid to labels on the grid of the crop: linear interpolation and argmax, plane by plane, so that the scores of neither
// grid ever exist all at once (nnU-Net resamples them whole: MIC-DKFZ/nnUNet, nnunetv2/inference/export_prediction.py).
// Axes: D depth, H height, W width, K classes; row-major, the last axis fastest.

import Foundation
import Volumes

/// Labels made from planes of scores (logits or probabilities) that come one after another.
///
/// A voxel has the class of the highest score; the lowest class wins where scores are equal. A separate axis takes the nearest slice.
public struct ScoreResampling {
  private let classes: Int
  /// The label that each region paints; nil: the scores are of classes.
  private let regionLabels: [UInt8]?
  private let from, to: Extent
  private let taps: [LinearTaps]
  /// The newest plane and the one before it, [H, W, K] of the grid `from`.
  private var newest, before: [Float]
  private var received = 0
  /// The planes of `labels` that are done.
  private var done = 0
  /// [D, H, W] of the grid `to`; complete after the last plane.
  public private(set) var labels: [UInt8]
  /// What the scores mean, [D, H, W, K] of the grid `to`: softmax of classes, sigmoid of regions; empty unless they are kept.
  public private(set) var probabilities: [Float]

  /// - Parameters:
  ///   - from, spacing: the grid of the scores, mm.
  ///   - to, newSpacing: that of the labels.
  ///   - regionLabels: for scores of regions that overlap, in place of classes: each whose score is above 0 paints its label over those before it.
  ///   - keepsProbabilities: takes 4 K bytes for each voxel of `to`.
  public init(
    classes: Int, from: Extent, spacing: Spacing, to: Extent, newSpacing: Spacing, regionLabels: [UInt8]? = nil,
    keepsProbabilities: Bool = false
  ) {
    guard (1...256).contains(classes) else { fatalError("resample: \(classes) classes; labels hold 1 to 256") }
    (self.classes, self.from, self.to, self.regionLabels) = (classes, from, to, regionLabels)
    taps = LinearTaps.all(from: from, spacing: spacing, to: to, newSpacing: newSpacing)
    newest = [Float](repeating: 0, count: from.height * from.width * classes)
    before = newest
    labels = [UInt8](repeating: 0, count: to.count)
    probabilities = [Float](repeating: 0, count: keepsProbabilities ? to.count * classes : 0)
  }

  /// Takes the next plane [H, W, K] along D.
  public mutating func add(_ plane: UnsafeBufferPointer<Float>) {
    guard plane.count == newest.count, received < from.depth else {
      fatalError("resample: plane \(received) of \(plane.count) scores is none of \(from) voxels of \(classes) classes")
    }
    swap(&newest, &before)
    newest.withUnsafeMutableBufferPointer { $0.baseAddress!.update(from: plane.baseAddress!, count: plane.count) }
    received += 1
    while done < to.depth, taps[0].upper[done] < received {
      writePlane(done)
      done += 1
    }
  }

  /// Writes labels, and probabilities where they are kept, of a plane of the grid `to`.
  private mutating func writePlane(_ d: Int) {
    let isOlder = taps[0].lower[d] < received - 1, share = Float(taps[0].upperShare[d])
    var plane = [Float](repeating: 0, count: newest.count), row = [Float](repeating: 0, count: from.width * classes)
    newest.withUnsafeBufferPointer { newest in
      before.withUnsafeBufferPointer { before in
        plane.withUnsafeMutableBufferPointer { blend((isOlder ? before : newest).baseAddress!, newest.baseAddress!, share, $0) }
      }
    }
    for h in 0..<to.height {
      row.withUnsafeMutableBufferPointer { row in plane.withUnsafeBufferPointer { blend($0.baseAddress!, taps[1], h, row) } }
      row.withUnsafeBufferPointer { writeRow($0.baseAddress!, at: to.index(d, h, 0)) }
    }
  }

  /// - Parameters:
  ///   - row: scores [W, K] of the grid `from`.
  ///   - start: the first voxel of the row in the grid `to`.
  private mutating func writeRow(_ row: UnsafePointer<Float>, at start: Int) {
    let taps = taps[2], count = to.width, classes = classes, regionLabels = regionLabels
    labels.withUnsafeMutableBufferPointer { labels in
      let target = labels.baseAddress! + start
      if let regionLabels {
        paint(row, taps, regionLabels, to: target, count: count)
      } else {
        argmax(row, taps, classes, to: target, count: count)
      }
    }
    guard !probabilities.isEmpty else { return }
    probabilities.withUnsafeMutableBufferPointer {
      likelihoods(row, taps, classes, overlap: regionLabels != nil, to: $0.baseAddress! + start * classes, count: count)
    }
  }
}

/// Softmax of the scores at each voxel of an output row, or their sigmoids where classes may overlap.
private func likelihoods(
  _ row: UnsafePointer<Float>, _ taps: LinearTaps, _ classes: Int, overlap: Bool, to values: UnsafeMutablePointer<Float>,
  count: Int
) {
  for column in 0..<count {
    let lower = row + taps.lower[column] * classes, upper = row + taps.upper[column] * classes
    let share = Float(taps.upperShare[column]), voxel = values + column * classes
    var highest = -Float.infinity
    for index in 0..<classes {
      voxel[index] = lower[index] + share * (upper[index] - lower[index])
      highest = max(highest, voxel[index])
    }
    if overlap {
      for index in 0..<classes { voxel[index] = 1 / (1 + exp(-voxel[index])) }
      continue
    }
    var sum: Float = 0
    for index in 0..<classes {
      voxel[index] = exp(voxel[index] - highest)
      sum += voxel[index]
    }
    for index in 0..<classes { voxel[index] /= sum }
  }
}

/// The class with the highest score at each voxel of an output row.
private func argmax(
  _ row: UnsafePointer<Float>, _ taps: LinearTaps, _ classes: Int, to labels: UnsafeMutablePointer<UInt8>, count: Int
) {
  for column in 0..<count {
    let lower = row + taps.lower[column] * classes
    let upper = row + taps.upper[column] * classes
    let share = Float(taps.upperShare[column])
    var (best, bestScore) = (0, -Float.infinity)
    for index in 0..<classes {
      let score = lower[index] + share * (upper[index] - lower[index])
      if score > bestScore { (best, bestScore) = (index, score) }
    }
    labels[column] = UInt8(best)
  }
}

/// The label of the last region whose score is above 0 at each voxel of an output row, background where there is none.
private func paint(
  _ row: UnsafePointer<Float>, _ taps: LinearTaps, _ regionLabels: [UInt8], to labels: UnsafeMutablePointer<UInt8>, count: Int
) {
  let regions = regionLabels.count
  for column in 0..<count {
    let lower = row + taps.lower[column] * regions, upper = row + taps.upper[column] * regions
    let share = Float(taps.upperShare[column])
    labels[column] = 0
    for region in 0..<regions where lower[region] + share * (upper[region] - lower[region]) > 0 {
      labels[column] = regionLabels[region]
    }
  }
}
