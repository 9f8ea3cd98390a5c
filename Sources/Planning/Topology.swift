// The steps down of a U-Net for a spacing and a patch, and how much it computes (MIC-DKFZ/nnUNet v2.8.1,
// nnunetv2/experiment_planning/experiment_planners/network_topology.py; MIC-DKFZ/dynamic-network-architectures, compute_conv_feature_map_size).
// Two axes for a plane, three for a volume.

/// Strides and kernels of each stage, and the patch that divides by the strides.
struct Topology: Equatable {
  /// The first stage has strides of 1.
  var strides: [[Int]]
  var kernels: [[Int]]
  /// What each side of a patch must be a multiple of.
  var divisor: [Int]
  /// The patch, rounded up to multiples.
  var patch: [Int]

  /// The shortest side of the coarsest features.
  private static let shortest = 4.0

  /// - Parameters:
  ///   - spacing: millimetres.
  ///   - patch: voxels; halves occur where it comes from a median.
  init(spacing: [Double], patch: [Double]) {
    let axes = patch.indices
    var (spacing, sides, kernel) = (spacing, patch, axes.map { _ in 1 })
    strides = [kernel]
    kernels = []
    divisor = kernel
    while let halved = Self.halvedAxes(spacing, sides) {
      let finest = spacing.min()!
      // Slices that are far apart are convolved one by one until the other axes are as coarse.
      for axis in axes where spacing[axis] < 2 * finest { kernel[axis] = 3 }
      for axis in halved {
        spacing[axis] *= 2
        sides[axis] = (sides[axis] / 2).rounded(.up)
        divisor[axis] *= 2
      }
      strides.append(axes.map { halved.contains($0) ? 2 : 1 })
      kernels.append(kernel)
    }
    kernels.append(axes.map { _ in 3 })
    self.patch = zip(patch, divisor).map { Int(($0 / Double($1)).rounded(.up)) * $1 }
  }

  /// The axes that the next stage halves; nil where there is none.
  private static func halvedAxes(_ spacing: [Double], _ sides: [Double]) -> [Int]? {
    let long = sides.indices.filter { sides[$0] >= 2 * shortest }
    guard let finest = long.map({ spacing[$0] }).min() else { return nil }
    let halved = long.filter { spacing[$0] < 2 * finest }
    return halved.count == 1 && sides[halved[0]] < 3 * shortest ? nil : halved
  }

  /// Channels of each stage.
  func widths(base: Int, most: Int) -> [Int] { strides.indices.map { min(most, base << $0) } }

  /// The values that convolutions produce for one patch: nnU-Net's measure of a network's memory.
  func estimate(widths: [Int], labels: Int) -> Double {
    var sides = patch, sum = 0.0
    for stage in strides.indices {
      sides = zip(sides, strides[stage]).map { $0 / $1 }
      let voxels = Double(sides.reduce(1, *))
      // Two convolutions on the way down; on the way up two more and the transposed one.
      sum += Double((stage == strides.count - 1 ? 2 : 5) * widths[stage]) * voxels
    }
    return sum + Double(labels * patch.reduce(1, *))
  }
}
