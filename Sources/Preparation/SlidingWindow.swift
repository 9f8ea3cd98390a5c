// Scores of a whole volume from a network that sees one patch at a time: window starts, weights, weighted average (MIC-DKFZ/nnUNet,
// nnunetv2/inference/sliding_window_prediction.py; uniform weights: yulequan/UA-MT, code/test_util.py). Windows are visited and
// added in one fixed order.
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

/// A cover of a volume by equal windows.
public struct SlidingWindow: Sendable {
  public let volume: Extent
  public let patch: Extent
  public let weighting: WindowWeighting
  /// The first voxel (D, H, W) of each window, in the order of visit. Negative along an axis on which the volume is smaller than the patch.
  public let starts: [[Int]]

  public init(volume: Extent, patch: Extent, step: WindowStep = .relative(0.5), weighting: WindowWeighting = .gaussian) {
    (self.volume, self.patch, self.weighting) = (volume, patch, weighting)
    let axes = (0..<3).map { axisStarts(count: volume[$0], patch: patch[$0], step: step, axis: $0) }
    starts = axes[0].flatMap { d in axes[1].flatMap { h in axes[2].map { w in [d, h, w] } } }
  }

  /// The weighted average scores [D, H, W, K] of `image` [D, H, W, C]. `window` maps a patch [d, h, w, C] to its scores [d, h, w, K].
  /// Outside the volume a patch holds the smallest value of each channel, as in training.
  public func predict(image: [Float], channels: Int, classes: Int, window: ([Float]) throws -> [Float]) rethrows -> [Float] {
    guard image.count == volume.count * channels else {
      fatalError(
        "sliding window: an image of \(image.count) values is not \(volume) voxels of \(channels) channels; pass the whole volume"
      )
    }
    let padding = background(image, channels: channels)
    let profile = WindowProfile(patch: patch, weighting: weighting)
    var scores = [Float](repeating: 0, count: volume.count * classes)
    var weights = [Float](repeating: 0, count: volume.count)
    for start in starts {
      let place = Window(start: start, extent: patch)
      let patchScores = try window(place.cut(image, of: volume, padding: padding))
      guard patchScores.count == patch.count * classes else {
        fatalError(
          "sliding window: \(patchScores.count) scores for a patch of \(patch) and \(classes) classes; return one per voxel and class"
        )
      }
      add(patchScores, at: place, profile, classes, to: &scores, &weights)
    }
    divide(&scores, by: weights, classes: classes)
    return scores
  }

  private func add(
    _ patchScores: [Float], at place: Window, _ profile: WindowProfile, _ classes: Int, to scores: inout [Float],
    _ weights: inout [Float]
  ) {
    patchScores.withUnsafeBufferPointer { patchScores in
      scores.withUnsafeMutableBufferPointer { scores in
        weights.withUnsafeMutableBufferPointer { weights in
          for d in 0..<patch.depth {
            for h in 0..<patch.height {
              guard let row = place.row(d, h, in: volume) else { continue }
              let rowWeight = profile.depth[d] * profile.height[h]
              let firstColumn = row.window % patch.width
              for column in 0..<row.length {
                let weight = rowWeight * profile.width[firstColumn + column]
                weights[row.volume + column] += weight
                let (from, to) = ((row.window + column) * classes, (row.volume + column) * classes)
                for index in 0..<classes { scores[to + index] += weight * patchScores[from + index] }
              }
            }
          }
        }
      }
    }
  }

  private func divide(_ scores: inout [Float], by weights: [Float], classes: Int) {
    scores.withUnsafeMutableBufferPointer { scores in
      weights.withUnsafeBufferPointer { weights in
        for voxel in 0..<weights.count {
          for index in voxel * classes..<(voxel + 1) * classes { scores[index] /= weights[voxel] }
        }
      }
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
