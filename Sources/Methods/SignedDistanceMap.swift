// How far each voxel of a crop is from the surface of a structure, as a target of training (HiLab-git/DTC, code/utils/util.py). Axes: D H W voxels.

import Tensors
import Volumes

/// Distances in voxels, divided by the largest outside and, below 0, by the largest inside; 0 on the inner side of the surface: voxels of the structure with
/// another voxel at one of their six faces, where the border of the crop is none. All 0 where the crop has no structure, and where it has nothing else.
/// - Parameter labels: D·H·W; all but 0 is the structure.
/// - Returns: [1, D, H, W, 1].
package func signedDistanceMap(_ labels: [UInt8], size: [Int]) -> Tensor {
  let map = Tensor(zeros: Shape([1] + size + [1])), extent = Extent(size[0], size[1], size[2])
  let outside = labels.indices.filter { labels[$0] == 0 }, inside = labels.indices.filter { labels[$0] != 0 }
  guard !outside.isEmpty, !inside.isEmpty else { return map }
  for (voxels, others, sign) in [(outside, inside, 1.0), (inside, outside, -1.0)] {
    let squares = squaredDistances(to: others, extent: extent, spacing: Spacing(1, 1, 1))
    let longest = voxels.reduce(0) { max($0, squares[$1]) }.squareRoot()
    // A voxel at a face of another one is on the surface; the crop's border is no voxel.
    for voxel in voxels where sign > 0 || squares[voxel] > 1 {
      map.pointer[voxel] = Float(sign * squares[voxel].squareRoot() / longest)
    }
  }
  return map
}
