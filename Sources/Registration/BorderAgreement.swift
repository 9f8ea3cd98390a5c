// Whether two images are alike where labels end. Labels come back from anywhere, also from where a volume shows nothing of what they name (a lesion that it
// does not have, or has elsewhere); that the image has an edge where the label has one, they cannot feign.

import Volumes

extension SpatialMap {
  /// The squared local correlation of both images at the voxels of a class that touch another one: the mean over the classes of each one's mean, 0...1; 0 where
  /// nothing is labelled.
  /// - Parameters:
  ///   - labels: classes at the voxels of the fixed volume, [D, H, W].
  ///   - classes: K; labels beyond are none.
  func agreement(atBordersOf labels: [UInt8], in fixed: Frame, classes: Int) -> Double {
    let extent = fixed.extent, plane = extent.height * extent.width, planes = max(1, LabelFusion.voxels / plane)
    var sums = [Double](repeating: 0, count: classes), counts = sums
    for first in stride(from: 0, to: extent.depth, by: planes) {
      let part = first..<min(first + planes, extent.depth), found = agreement(fixed, planes: part)
      for voxel in 0..<part.count * plane {
        let index = first * plane + voxel, label = Int(labels[index])
        guard label > 0, label < classes, isBorder(labels, extent, index) else { continue }
        sums[label] += Double(found.values[voxel * 4])
        counts[label] += 1
      }
    }
    let means = (1..<classes).filter { counts[$0] > 0 }.map { sums[$0] / counts[$0] }
    return means.reduce(0, +) / Double(max(1, means.count))
  }
}

/// Whether one of the six neighbours within the volume has another label.
private func isBorder(_ labels: [UInt8], _ extent: Extent, _ index: Int) -> Bool {
  let place = [index / (extent.height * extent.width), index / extent.width % extent.height, index % extent.width]
  let steps = [extent.height * extent.width, extent.width, 1]
  return (0..<3).contains { axis in
    place[axis] > 0 && labels[index - steps[axis]] != labels[index]
      || place[axis] + 1 < extent[axis] && labels[index + steps[axis]] != labels[index]
  }
}
