// From class scores to labels.

import Kernels

/// The class with the highest score at each voxel; ties go to the lower class.
/// - Shape: scores [D, H, W, K], row-major; result [D, H, W].
public func argmaxLabels(_ scores: [Float], classes: Int) -> [UInt8] {
  require(
    classes > 0 && classes <= 256 && scores.count % classes == 0, "argmaxLabels: \(scores.count) scores of \(classes) classes.")
  let count = scores.count / classes
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    if count > 0 { argMax(scores, into: buffer.baseAddress!, count: count, classes: classes) }
    initialized = count
  }
}
