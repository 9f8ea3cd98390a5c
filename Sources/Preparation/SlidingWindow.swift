// Scores of a whole volume from a network that sees one patch at a time: window starts, weights, weighted average (MIC-DKFZ/nnUNet,
// nnunetv2/inference/sliding_window_prediction.py; uniform weights: yulequan/UA-MT, code/test_util.py). Windows are visited and
// added in one fixed order. Planes of the volume are given out as soon as no window is left that reaches them, so that the scores of the whole volume
// need not exist at once.
// Axes: D depth, H height, W width, C channels, K classes; row-major, the last axis fastest.

import Foundation
import Volumes

/// How far apart windows lie.
public enum WindowStep: Sendable, Equatable {
  /// A stride of at most this share of the patch along each axis, spread evenly: 0.5 is nnU-Net's rule.
  case relative(Double)
  /// Exactly this many voxels along D, H, W; the last window ends with the volume.
  case voxels(Int, Int, Int)
}

/// How the scores of overlapping windows are averaged.
public enum WindowWeighting: String, Sendable, Codable, CaseIterable {
  /// Weights by a Gaussian around the middle of the patch with a standard deviation of an eighth of its side.
  case gaussian
  case uniform
}

/// A cover of a volume by equal windows. Outside the volume a patch holds what it does in training (`PatchPlacement`).
public struct SlidingWindow: Sendable {
  public let volume: Extent
  public let patch: Extent
  public let weighting: WindowWeighting
  private let placement: PatchPlacement
  /// The first voxel (D, H, W) of each window, in the order of visit. Negative along an axis on which the volume is smaller than the patch.
  public let starts: [[Int]]

  public init(
    volume: Extent, patch: Extent, step: WindowStep = .relative(0.5), weighting: WindowWeighting = .gaussian,
    placement: PatchPlacement = .inside
  ) {
    (self.volume, self.patch, self.weighting, self.placement) = (volume, patch, weighting, placement)
    let axes = (0..<3).map { axisStarts(count: volume[$0], patch: patch[$0], step: step, axis: $0) }
    starts = axes[0].flatMap { d in axes[1].flatMap { h in axes[2].map { w in [d, h, w] } } }
  }

  /// The weighted average scores [D, H, W, K] of `image` [D, H, W, C]. `window` maps a patch [d, h, w, C] to its scores [d, h, w, K].
  public func predict(image: [Float], channels: Int, classes: Int, window: ([Float]) throws -> [Float]) rethrows -> [Float] {
    var scores: [Float] = []
    scores.reserveCapacity(volume.count * classes)
    try forEachPlane(image: image, channels: channels, classes: classes) {
      try window($1())
    } plane: {
      scores += $1
    }
    return scores
  }

  /// Gives `plane` the weighted average scores [H, W, K] of each plane along D, in order. At any time the scores of no more planes exist than a patch has.
  /// - Parameters:
  ///   - image: [D, H, W, C].
  ///   - window: takes the number of a window in the order of visit and a function that cuts its patch [d, h, w, C]; returns the scores [d, h, w, K].
  public func forEachPlane(
    image: [Float], channels: Int, classes: Int, window: (Int, () -> [Float]) throws -> [Float],
    plane: (Int, UnsafeBufferPointer<Float>) throws -> Void
  ) rethrows {
    let cut = patches(of: image, channels: channels)
    let profile = WindowProfile(patch: patch, weighting: weighting)
    var band = ScoreBand(volume: volume, depth: min(patch.depth, volume.depth), classes: classes)
    for (number, start) in starts.enumerated() {
      if start[0] > band.first { try band.advance(to: start[0], plane) }
      let place = Window(start: start, extent: patch)
      let scores = try window(number) { cut(number) }
      guard scores.count == patch.count * classes else {
        fatalError(
          "sliding window: \(scores.count) scores for a patch of \(patch) and \(classes) classes; return one per voxel and class"
        )
      }
      band.add(scores, at: place, profile)
    }
    try band.advance(to: volume.depth, plane)
  }

  /// What cuts the patch [d, h, w, C] of each window, by its number in the order of visit, from `image` [D, H, W, C].
  public func patches(of image: [Float], channels: Int) -> (Int) -> [Float] {
    guard image.count == volume.count * channels else {
      fatalError(
        "sliding window: an image of \(image.count) values is not \(volume) voxels of \(channels) channels; pass the whole volume"
      )
    }
    let padding = placement.padding(of: image, channels: channels)
    return { Window(start: starts[$0], extent: patch).cut(image, of: volume, padding: padding) }
  }
}

/// The weighted sums of the planes that windows of one start along D reach.
private struct ScoreBand {
  let volume: Extent
  let classes: Int
  /// The plane of the volume that comes first here.
  private(set) var first = 0
  private var scores: [Float]
  private var weights: [Float]

  init(volume: Extent, depth: Int, classes: Int) {
    (self.volume, self.classes) = (volume, classes)
    weights = [Float](repeating: 0, count: depth * volume.height * volume.width)
    scores = [Float](repeating: 0, count: weights.count * classes)
  }

  private var planeCount: Int { volume.height * volume.width }

  mutating func add(_ patchScores: [Float], at place: Window, _ profile: WindowProfile) {
    let patch = place.extent, offset = first * planeCount, (volume, classes) = (volume, classes)
    patchScores.withUnsafeBufferPointer { patchScores in
      scores.withUnsafeMutableBufferPointer { scores in
        weights.withUnsafeMutableBufferPointer { weights in
          for d in 0..<patch.depth {
            for h in 0..<patch.height {
              guard let row = place.row(d, h, in: volume) else { continue }
              let rowWeight = profile.depth[d] * profile.height[h]
              let firstColumn = row.window % patch.width
              for column in 0..<row.length {
                let weight = rowWeight * profile.width[firstColumn + column], voxel = row.volume - offset + column
                weights[voxel] += weight
                let (from, to) = ((row.window + column) * classes, voxel * classes)
                for index in 0..<classes { scores[to + index] += weight * patchScores[from + index] }
              }
            }
          }
        }
      }
    }
  }

  /// Gives out the planes before `next`, which no window will reach any more, and makes room for as many.
  mutating func advance(to next: Int, _ plane: (Int, UnsafeBufferPointer<Float>) throws -> Void) rethrows {
    let count = next - first, planeCount = planeCount, (classes, before) = (classes, first)
    divide(planes: count)
    try scores.withUnsafeBufferPointer { scores in
      for number in 0..<count {
        let start = number * planeCount * classes
        try plane(before + number, UnsafeBufferPointer(rebasing: scores[start..<start + planeCount * classes]))
      }
    }
    shift(&scores, by: count * planeCount * classes)
    shift(&weights, by: count * planeCount)
    first = next
  }

  private mutating func divide(planes count: Int) {
    let (planeCount, classes) = (planeCount, classes)
    scores.withUnsafeMutableBufferPointer { scores in
      weights.withUnsafeBufferPointer { weights in
        for voxel in 0..<count * planeCount {
          for index in voxel * classes..<(voxel + 1) * classes { scores[index] /= weights[voxel] }
        }
      }
    }
  }

  private func shift(_ values: inout [Float], by count: Int) {
    values.withUnsafeMutableBufferPointer { values in
      let (base, kept) = (values.baseAddress!, values.count - count)
      base.update(from: base + count, count: kept)
      (base + kept).update(repeating: 0, count: count)
    }
  }
}

/// Window starts along one axis.
private func axisStarts(count: Int, patch: Int, step: WindowStep, axis: Int) -> [Int] {
  guard patch > 0, count > 0 else {
    fatalError("sliding window: volume \(count), patch \(patch) on axis \(axis); both must be positive")
  }
  guard count > patch else { return [Window.centredStart(count: count, size: patch)] }
  let last = count - patch
  switch step {
  case .relative(let share):
    guard share > 0, share <= 1 else { fatalError("sliding window: a step of \(share) patches; choose one in 0..1") }
    let windows = Int((Double(last) / (Double(patch) * share)).rounded(.up)) + 1
    return (0..<windows).map { Int((Double($0) * (Double(last) / Double(windows - 1))).rounded(.toNearestOrEven)) }
  case .voxels(let depth, let height, let width):
    let stride = [depth, height, width][axis]
    guard stride > 0 else { fatalError("sliding window: a stride of \(stride) voxels; choose a positive one") }
    return (0...(last + stride - 1) / stride).map { min($0 * stride, last) }
  }
}

/// The weight of a window's voxel is the product of one factor for each axis.
package struct WindowProfile {
  let depth, height, width: [Float]

  init(patch: Extent, weighting: WindowWeighting) {
    let axis: (Int) -> [Float] = { weighting == .gaussian ? Self.gaussian($0) : [Float](repeating: 1, count: $0) }
    (depth, height, width) = (axis(patch.depth), axis(patch.height), axis(patch.width))
  }

  /// exp(-½·((i - c) / (n / 8))²) with c = n / 2 rounded down; never below 3e-4, so products stay far above Float's smallest number.
  package static func gaussian(_ count: Int) -> [Float] {
    (0..<count).map { index in
      let distance = Double(index - count / 2) / (Double(count) / 8)
      return Float(exp(-0.5 * distance * distance))
    }
  }
}
