// Sums and gradients of losses that compare class scores of voxels with targets that follow from a label each: its class alone, or all regions that it
// is part of. `count` voxels of K scores; the target of label l is row l of `table`, [L, K]; a label of L or more has none and counts nowhere.

/// The sums over the voxels with a target of p·y, of p and of y for each class: three runs of K values, and the number of these voxels.
public func overlapSums(
  _ p: UnsafePointer<Float>, labels: UnsafePointer<UInt8>, table: [Float], count: Int, classes: Int
) -> [Double] {
  let known = table.count / classes
  return table.withUnsafeBufferPointer { table in
    sumOverBlocks(count, sums: 3 * classes + 1, block: 1 << 13) { start, length, sums in
      // Voxels are few enough for sums of single precision by class and label.
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * classes) { parts in
        parts.initialize(repeating: 0)
        var voxels = 0
        for first in stride(from: start, to: start + length, by: 512) {
          for voxel in first..<min(first + 512, start + length) where Int(labels[voxel]) < known {
            let y = table.baseAddress! + Int(labels[voxel]) * classes, values = p + voxel * classes
            for k in 0..<classes {
              parts[k] += values[k] * y[k]
              parts[classes + k] += values[k]
              sums[2 * classes + k] += Double(y[k])
            }
            voxels += 1
          }
          for slot in 0..<2 * classes {
            sums[slot] += Double(parts[slot])
            parts[slot] = 0
          }
        }
        sums[3 * classes] = Double(voxels)
      }
    }
  }
}

/// dp = onOverlap[k]·y + onValue[k] at voxels with a target, 0 elsewhere.
public func overlapGradient(
  labels: UnsafePointer<UInt8>, table: [Float], onOverlap: [Float], onValue: [Float], into dp: UnsafeMutablePointer<Float>,
  count: Int,
  classes: Int
) {
  // The gradient of a voxel follows from its label.
  let rows = table.enumerated().map { index, y in onOverlap[index % classes] * y + onValue[index % classes] }
  spreadRows(rows, labels: labels, otherwise: 0, into: dp, count: count, classes: classes)
}

/// y = row l of `rows`, [L, K], at voxels with label l; `otherwise` at those with a label of L or more.
public func spreadRows(
  _ rows: [Float], labels: UnsafePointer<UInt8>, otherwise: Float, into y: UnsafeMutablePointer<Float>, count: Int, classes: Int
) {
  let known = rows.count / classes
  rows.withUnsafeBufferPointer { rows in
    parallelFor(count, grain: 1 << 13) { start, end in
      for voxel in start..<end {
        let label = Int(labels[voxel])
        for k in 0..<classes { y[voxel * classes + k] = label < known ? rows[label * classes + k] : otherwise }
      }
    }
  }
}
