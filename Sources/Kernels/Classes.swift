// Class scores of voxels: softmax, arg max, and the sums and gradients of segmentation losses. `count` voxels of K classes, labels are bytes; a
// label of K or more names no class.

import CKernels

private let grain = 1 << 13

/// p = softmax of the K logits of each voxel.
public func softmax(_ logits: UnsafePointer<Float>, into p: UnsafeMutablePointer<Float>, count: Int, classes: Int) {
  parallelFor(count, grain: grain) { start, end in
    cohort_softmax(p + start * classes, logits + start * classes, end - start, classes)
  }
}

/// dlogits = p (dp - ⟨p, dp⟩).
public func softmaxGradient(
  p: UnsafePointer<Float>, dp: UnsafePointer<Float>, into dlogits: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  parallelFor(count, grain: grain) { start, end in
    cohort_softmax_gradient(dlogits + start * classes, p + start * classes, dp + start * classes, end - start, classes)
  }
}

/// The sums Σ p·y, Σ p² and Σ y of each class: three runs of K values.
/// - Parameter countsOthers: whether Σ p² is over the voxels of no class as well.
public func diceSums(
  _ p: UnsafePointer<Float>, labels: UnsafePointer<UInt8>, countsOthers: Bool, count: Int, classes: Int
) -> [Double] {
  sumOverBlocks(count, sums: 3 * classes) { start, length, sums in
    cohort_dice_sums(p + start * classes, labels + start, countsOthers ? 1 : 0, length, classes, sums)
  }
}

/// dp = onLabel[k]·[label = k] + onValue[k]·p; 0 at voxels of no class, unless `countsOthers`.
public func diceGradient(
  p: UnsafePointer<Float>, labels: UnsafePointer<UInt8>, countsOthers: Bool, onLabel: [Float], onValue: [Float],
  into dp: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  parallelFor(count, grain: grain) { start, end in
    cohort_dice_gradient(
      dp + start * classes, p + start * classes, labels + start, countsOthers ? 1 : 0, onLabel, onValue, end - start, classes)
  }
}

/// Σ -log p[label] over the voxels of a class.
public func negativeLogSum(_ p: UnsafePointer<Float>, labels: UnsafePointer<UInt8>, count: Int, classes: Int) -> Double {
  sumOverBlocks(count, sums: 1) { start, length, sums in
    sums[0] = cohort_negative_log_sum(p + start * classes, labels + start, length, classes)
  }[0]
}

/// dlogits = scale · (p - onehot(label)), 0 at voxels of no class.
public func crossEntropyGradient(
  p: UnsafePointer<Float>, labels: UnsafePointer<UInt8>, scale: Float, into dlogits: UnsafeMutablePointer<Float>, count: Int,
  classes: Int
) {
  parallelFor(count, grain: grain) { start, end in
    cohort_cross_entropy_gradient(dlogits + start * classes, p + start * classes, labels + start, scale, end - start, classes)
  }
}

/// The class with the highest score at each voxel; ties go to the lower class.
public func argMax(_ scores: UnsafePointer<Float>, into labels: UnsafeMutablePointer<UInt8>, count: Int, classes: Int) {
  parallelFor(count, grain: grain) { start, end in cohort_argmax(labels + start, scores + start * classes, end - start, classes) }
}

/// The index of the highest of K scores; ties go to the lower class.
@inline(__always) func argmax(_ scores: UnsafePointer<Float>, _ classes: Int) -> Int {
  var best = 0
  for k in 1..<classes where scores[k] > scores[best] { best = k }
  return best
}
