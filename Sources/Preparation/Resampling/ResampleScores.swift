// From class scores on the prepared grid to labels on the grid of the crop: linear interpolation and argmax, plane by plane, so
// that the scores of the large grid never exist all at once (nnU-Net resamples them whole: MIC-DKFZ/nnUNet,
// nnunetv2/inference/export_prediction.py).
// Axes: D depth, H height, W width, K classes; row-major, the last axis fastest.

import Volumes

/// The class of the highest score in every voxel of the grid `to`, from scores (logits or probabilities) [D, H, W, K] on the grid `from`.
/// The lowest class wins where scores are equal. A separate axis takes the nearest slice.
public func resampleScoresToLabels(
  _ scores: [Float], classes: Int, from: Extent, spacing: Spacing, to: Extent, newSpacing: Spacing
) -> [UInt8] {
  guard scores.count == from.count * classes, (1...256).contains(classes) else {
    fatalError("resample: \(scores.count) scores are not \(from) voxels of \(classes) classes (1 to 256); pass the whole volume")
  }
  let taps = LinearTaps.all(from: from, spacing: spacing, to: to, newSpacing: newSpacing)
  var labels = [UInt8](repeating: 0, count: to.count)
  labels.withUnsafeMutableBufferPointer { labels in
    forEachBlendedRow(of: scores, from: from, rowCount: from.width * classes, to: to, taps: taps) { d, h, row in
      argmax(row, taps[2], classes, to: labels.baseAddress! + to.index(d, h, 0), count: to.width)
    }
  }
  return labels
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
