// Symmetric diffeomorphic registration of two images on one grid: small smooth steps up the local correlation as seen from either side, coarse grids
// first. The deformation is smoothed after each step, and its inverse follows it (Avants et al., "Symmetric diffeomorphic image registration with
// cross-correlation", Medical Image Analysis 2008; here one deformation and its inverse in place of two halves).

import Kernels
import Volumes

/// How a deformation is sought.
public struct DeformationSettings: Sendable {
  /// Steps on each grid, finest first.
  public var steps = [20, 30, 40]
  /// Standard deviation of the Gaussian windows of local correlation, voxels.
  public var window = 1.5
  /// Of the Gaussian that smooths each step, and of that which smooths the whole deformation, voxels.
  public var fluid = 2.0
  public var elastic = 0.5
  /// The longest displacement of a step, voxels.
  public var longest = 0.5

  public init() {}
}

package struct DeformableRegistration {
  /// After them the inverse is one to within hundredths of a voxel.
  private static let lastInversions = 3

  let settings: DeformationSettings
  /// Both on the same grids, finest first.
  let fixed: [Level]
  let moving: [Level]

  package init(settings: DeformationSettings, fixed: [Level], moving: [Level]) {
    (self.settings, self.fixed, self.moving) = (settings, fixed, moving)
  }

  /// The deformation and its inverse on the finest grid.
  package func best() -> Diffeomorphism {
    let top = min(fixed.count, settings.steps.count) - 1
    var map = Diffeomorphism(fixed[top].frame.extent)
    for level in stride(from: top, through: 0, by: -1) {
      if level < top { map = map.onto(fixed[level].frame, from: fixed[level + 1].frame) }
      for _ in 0..<settings.steps[level] { improve(&map, fixed[level], moving[level]) }
    }
    for _ in 0..<Self.lastInversions { map.invert() }
    return map
  }

  private func improve(_ map: inout Diffeomorphism, _ fixed: Level, _ moving: Level) {
    let channels = min(fixed.channels, moving.channels), sigma = settings.window
    let there = LocalCorrelation(still: fixed.image, moved: moving.image.sampled(map.forward), channels: channels, sigma: sigma)
      .ascent()
    let back = LocalCorrelation(still: moving.image, moved: fixed.image.sampled(map.backward), channels: channels, sigma: sigma)
      .ascent()
    parallelFor(there.extent.count, grain: 1 << 12) { start, end in
      for voxel in start..<end {
        // Beyond the moving volume nothing is known.
        let isKnown = moving.inside.map { $0[voxel] != 0 } ?? true
        for lane in 4 * voxel..<4 * voxel + 4 { there.values[lane] = isKnown ? there.values[lane] - back.values[lane] : 0 }
      }
    }
    let step = there.smoothed(settings.fluid), length = step.greatestLength
    guard length > 0 else { return }
    map.follow(step.scaled(by: Float(settings.longest) / length), smoothing: settings.elastic)
  }
}
