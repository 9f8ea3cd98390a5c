// A mask as a student would predict it, early or late in its training: too large or too small, moved, with a wavy boundary, with pieces
// missing and others added, sure of itself or not. Mask prompts for pretraining and for measuring a prior.
// Arrays [N, N, N]; lengths in voxels.

import Foundation
import Tensors
import Volumes

/// A prediction of a structure, wrong in a random way.
public struct PerturbedMask: Sendable {
  /// N.
  public let side: Int
  /// The probabilities that the student would give: above 0.5 is its mask.
  public let probability: [Float]

  /// - Parameter mask: at least one voxel.
  public init(of mask: [UInt8], side: Int, _ key: RandomKey) {
    self.side = side
    var draw = RandomDraws(key)
    let whole = Extent(side, side, side), reach = 14
    let box = labelBox(mask, whole, margin: [reach, reach, reach])
    let extent = Extent(box[0].count, box[1].count, box[2].count)
    var distance = disturbed(cropped(mask, whole, to: box), extent, &draw)
    let softness = exp(draw.uniform(log(0.15)...log(2)))
    for index in distance.indices { distance[index] = 1 / (1 + exp(-distance[index] / softness)) }
    var probability = [Float](repeating: 0, count: whole.count)
    for d in 0..<extent.depth {
      for h in 0..<extent.height {
        let from = extent.index(d, h, 0), to = whole.index(box[0].lowerBound + d, box[1].lowerBound + h, box[2].lowerBound)
        probability.replaceSubrange(to..<to + extent.width, with: distance[from..<from + extent.width])
      }
    }
    self.probability = probability
  }
}

/// The signed distance from the surface of a wrong mask.
private func disturbed(_ mask: [UInt8], _ extent: Extent, _ draw: inout RandomDraws) -> [Float] {
  let truth = signedDistance(mask, extent: extent)
  // Most students of most steps are nearly right: what a prior must not make worse.
  let unit = draw.uniform(0...1), severity = unit * unit
  // Growing and shrinking by up to 3 voxels, but never away.
  let growth = max(3 * severity * draw.uniform(-1...1), -0.6 * truth.max()!)
  let shift = (0..<3).map { _ in Int((3 * severity * draw.uniform(-1...1)).rounded()) }
  let waves = smoothField(draw.child(), extent: extent, spacing: 1, latticeSpacing: Double(draw.uniform(3...9)))
  let amplitude = draw.uniform(0.2...0.5) + 1.2 * severity * draw.uniform(0...1)
  var result = [Float](repeating: 0, count: extent.count), index = 0
  for d in 0..<extent.depth {
    for h in 0..<extent.height {
      for w in 0..<extent.width {
        let from = extent.index(
          max(0, min(extent.depth - 1, d - shift[0])), max(0, min(extent.height - 1, h - shift[1])),
          max(0, min(extent.width - 1, w - shift[2])))
        result[index] = truth[from] + growth + amplitude * waves[index]
        index += 1
      }
    }
  }
  if draw.chance(0.15 + 0.35 * severity) {
    let place = voxel(of: mask, draw.integer(0...mask.count - 1))
    combine(&result, extent, ballAt: place, radius: draw.uniform(2...6), isMissing: true)
  }
  for _ in 0..<draw.integer(0...3) where draw.chance(0.5 * severity) {
    let place = draw.integer(0...extent.count - 1)
    combine(&result, extent, ballAt: place, radius: draw.uniform(1.5...4.5), isMissing: false)
  }
  return result
}

/// The first voxel of the mask from `start` on, round the end.
private func voxel(of mask: [UInt8], _ start: Int) -> Int {
  mask[start...].firstIndex { $0 > 0 } ?? mask.firstIndex { $0 > 0 } ?? start
}

/// Takes a ball away from what lies within the surface, or adds one.
private func combine(_ distance: inout [Float], _ extent: Extent, ballAt place: Int, radius: Float, isMissing: Bool) {
  let (width, height) = (extent.width, extent.height)
  let centre = SIMD3(Float(place / (width * height)), Float(place / width % height), Float(place % width))
  var index = 0
  for d in 0..<extent.depth {
    for h in 0..<height {
      for w in 0..<width {
        let offset = SIMD3(Float(d), Float(h), Float(w)) - centre
        let inside = radius - (offset * offset).sum().squareRoot()
        distance[index] = isMissing ? min(distance[index], -inside) : max(distance[index], inside)
        index += 1
      }
    }
  }
}
