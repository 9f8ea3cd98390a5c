// How a scanner sees a random scene: tissue intensities, often of low contrast, texture, bias field, partial volumes, thick slices, noise.
// Arrays [N, N, N].

import Foundation
import Tensors
import Volumes

/// The z-scored image of an anatomy.
func sceneImage(_ anatomy: SceneAnatomy, _ key: RandomKey) -> [Float] {
  var draw = RandomDraws(key)
  var image = painted(anatomy, &draw)
  blur(&image, extent: anatomy.extent, standardDeviation: pointSpread(&draw))
  addBiasAndNoise(&image, anatomy, &draw)
  standardize(&image)
  return image
}

/// Intensities of the tissues, 0 outside the body.
private struct TissuePalette {
  var body, ribbon: Float
  /// Half the width of the ribbons in standard deviations of the noise; 0 for none.
  var ribbonWidth: Float
  /// The values of the structures; 0 is unused.
  var structures: [Float]

  init(_ anatomy: SceneAnatomy, _ draw: inout RandomDraws) {
    let levels = (0..<4).map { _ in draw.uniform(0.12...1) }
    body = anatomy.isBrain ? draw.uniform(0.4...1) : levels[0]
    ribbon = anatomy.isBrain ? body * draw.uniform(0.3...1.2) : levels[1]
    ribbonWidth = draw.chance(0.7) ? draw.uniform(0.15...0.7) : 0
    structures = [0]
    let leastContrast: Float = 0.06, mostContrast: Float = anatomy.isBrain ? 0.3 : 0.4
    for _ in 0..<anatomy.structureCount {
      // Low contrast to the body or to the structure before, or a tissue of the palette.
      let neighbour = structures.count > 1 && draw.chance(0.3) ? structures[structures.count - 1] : body
      let step = draw.uniform(leastContrast...mostContrast) * (draw.chance(anatomy.isBrain ? 0.75 : 0.5) ? -1 : 1)
      let value = draw.chance(0.7) ? neighbour + step : levels[draw.integer(0...3)] + draw.uniform(-0.04...0.04)
      structures.append(max(0.05, value))
    }
  }
}

private func painted(_ anatomy: SceneAnatomy, _ draw: inout RandomDraws) -> [Float] {
  let palette = TissuePalette(anatomy, &draw), extent = anatomy.extent
  let texture = smoothField(draw.child(), extent: extent, spacing: 1, latticeSpacing: Double(draw.uniform(2...7)))
  let strength = (structures: draw.uniform(0...0.05), body: draw.uniform(0...0.07))
  return [Float](unsafeUninitializedCapacity: extent.count) { image, count in
    anatomy.labels.withUnsafeBufferPointer { labels in
      texture.withUnsafeBufferPointer { texture in
        for index in 0..<extent.count {
          let label = Int(labels[index])
          if label > 0 {
            image[index] = palette.structures[label] + strength.structures * texture[index]
          } else if anatomy.surroundings[index] == .body {
            let isRibbon = abs(anatomy.noise[index]) < palette.ribbonWidth
            image[index] = (isRibbon ? palette.ribbon : palette.body) + strength.body * texture[index]
          } else {
            image[index] = 0
          }
        }
      }
    }
    count = extent.count
  }
}

/// Standard deviations of the blur along the three axes: partial volumes, and thick slices along one axis of some scans.
private func pointSpread(_ draw: inout RandomDraws) -> [Double] {
  var standardDeviation = [Double](repeating: Double(draw.uniform(0.4...0.9)), count: 3)
  if draw.chance(0.25) { standardDeviation[draw.integer(0...2)] = Double(draw.uniform(0.9...1.8)) }
  return standardDeviation
}

/// A smooth gain, and noise whose magnitude is seen, as of a magnetic resonance scan; air is 0 in half of the
/// scans and what no scan saw in all.
private func addBiasAndNoise(_ image: inout [Float], _ anatomy: SceneAnatomy, _ draw: inout RandomDraws) {
  let extent = anatomy.extent
  let bias = smoothField(draw.child(), extent: extent, spacing: 1, latticeSpacing: Double(draw.uniform(20...40)))
  let strength = draw.uniform(0...0.22), standardDeviation = draw.uniform(0.005...0.06), isStripped = draw.chance(0.5)
  let noise = draw.child()
  image.withUnsafeMutableBufferPointer { image in
    for index in 0..<image.count {
      switch anatomy.surroundings[index] {
      case .unseen: image[index] = 0
      case .air where isStripped: image[index] = 0
      default:
        let gain = 1 + strength * bias[index] * (1 + 0.5 * strength * bias[index])
        image[index] = abs(image[index] * gain + standardDeviation * Float(noise.gaussian(UInt64(index))))
      }
    }
  }
}

/// Subtracts the mean and divides by the unbiased standard deviation of the voxels above 0 (as SAM-Med3D expects).
private func standardize(_ image: inout [Float]) {
  var count = 0.0, sum = 0.0, squares = 0.0
  for value in image where value > 0 {
    count += 1
    sum += Double(value)
    squares += Double(value) * Double(value)
  }
  guard count > 1 else { return }
  let mean = sum / count, variance = max(0, squares - count * mean * mean) / (count - 1)
  let (shift, factor) = (Float(mean), Float(variance > 0 ? 1 / variance.squareRoot() : 1))
  for index in image.indices { image[index] = (image[index] - shift) * factor }
}
