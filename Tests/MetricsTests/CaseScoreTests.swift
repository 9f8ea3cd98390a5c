// Scores against medpy's numbers, closed forms and brute force.

import Foundation
import Metrics
import TestSupport
import Testing
import Volumes

@Suite struct CaseScoreTests {
  /// Numbers of medpy for four pairs of masks (Fixtures/segmentation_metrics.*).
  private struct Golden: Decodable {
    var spacing: [Double]
    var dice, jaccard, asd, asd_reverse, hd95: Double
  }

  @Test func equalsMedpy() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures").path
    let tensors = try loadSafetensors("\(folder)/segmentation_metrics.safetensors")
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/segmentation_metrics.json"))
    let goldens = try JSONDecoder().decode([Golden].self, from: data)
    #expect(goldens.count == 4)
    for (index, golden) in goldens.enumerated() {
      let prediction = try #require(tensors["prediction_\(index)"])
      let reference = try #require(tensors["reference_\(index)"])
      let result = score(
        prediction: prediction.bytes, reference: reference.bytes,
        extent: Extent(prediction.shape[0], prediction.shape[1], prediction.shape[2]),
        spacing: Spacing(golden.spacing[0], golden.spacing[1], golden.spacing[2]), label: 1)
      expectClose(result.dice, golden.dice)
      expectClose(result.jaccard, golden.jaccard)
      expectClose(result.averageSurfaceDistance, golden.asd)
      expectClose(result.reverseAverageSurfaceDistance, golden.asd_reverse)
      expectClose(result.averageSymmetricSurfaceDistance, (golden.asd + golden.asd_reverse) / 2)
      expectClose(result.hausdorff95, golden.hd95)
    }
  }

  /// Boxes, with numbers computed by numpy and scipy.
  @Test func vectorsOfTheSpecification() {
    let small = score(of: [[2, 6, 2, 6, 2, 6]], [[3, 7, 3, 7, 3, 7]], size: 10)
    expectClose(small.dice, 0.421875)
    expectClose(small.jaccard, 0.267326733, 2e-9)
    expectClose(small.hausdorff95, 1.414213562, 2e-9)
    expectClose(small.averageSurfaceDistance, 0.865356658, 2e-9)

    let border = ([[0, 4, 0, 4, 0, 4]], [[0, 5, 0, 4, 1, 4]])
    let unit = score(of: border.0, border.1, size: 8)
    expectClose(unit.dice, 0.774193548, 2e-9)
    expectClose(unit.jaccard, 0.631578947, 2e-9)
    expectClose(unit.hausdorff95, 1)
    expectClose(unit.averageSurfaceDistance, 0.321428571, 2e-9)
    expectClose(unit.reverseAverageSurfaceDistance, 0.296296296, 2e-9)
    let spaced = score(of: border.0, border.1, size: 8, spacing: Spacing(1, 2, 0.5))
    expectClose(spaced.hausdorff95, 1)
    expectClose(spaced.averageSurfaceDistance, 0.160714286, 1e-8)
    expectClose(spaced.reverseAverageSurfaceDistance, 0.259259259, 1e-8)

    let twoParts = score(of: [[1, 3, 1, 3, 1, 3], [8, 11, 8, 11, 8, 11]], [[8, 11, 8, 11, 8, 11]], size: 12)
    expectClose(twoParts.dice, 0.870967742, 2e-9)
    expectClose(twoParts.hausdorff95, 11.575836903, 2e-9)
    expectClose(twoParts.averageSurfaceDistance, 2.654240330, 2e-9)
    #expect(twoParts.reverseAverageSurfaceDistance == 0)
  }

  /// Two slabs of nine slices, the second two slices further: the outer slices are two voxels off, the sides of the shared seven none.
  @Test func surfaceDiceForgivesTheTolerance() {
    let slabs = ([[2, 11, 3, 9, 3, 9]], [[4, 13, 3, 9, 3, 9]]), extent = Extent(16, 16, 16)
    func dice(_ tolerance: Double, _ spacing: Double = 1) -> Double {
      score(
        prediction: boxes(slabs.0, extent), reference: boxes(slabs.1, extent), extent: extent, spacing: Spacing(spacing, 1, 1),
        label: 1, tolerance: tolerance
      ).surfaceDice
    }
    #expect(dice(2) == 1)
    #expect(dice(4, 2) == 1 && dice(3.9, 2) < 1)
    let brute = bruteSurfaceDice(boxes(slabs.0, extent), boxes(slabs.1, extent), extent, tolerance: 1)
    expectClose(dice(1), brute)
    #expect(brute > 0.5 && brute < 0.9)
  }

  private func bruteSurfaceDice(_ first: [UInt8], _ second: [UInt8], _ extent: Extent, tolerance: Double) -> Double {
    func surface(_ labels: [UInt8]) -> [[Int]] {
      (0..<extent.count).map { position($0, extent) }.filter { at in
        let steps = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]
        return labels[extent.index(at[0], at[1], at[2])] == 1
          && steps.contains { labels[extent.index(at[0] + $0[0], at[1] + $0[1], at[2] + $0[2])] == 0 }
      }
    }
    let (a, b) = (surface(first), surface(second))
    func near(_ voxels: [[Int]], _ others: [[Int]]) -> Int {
      voxels.count { at in
        others.contains { zip(at, $0).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }.squareRoot() <= tolerance }
      }
    }
    return Double(near(a, b) + near(b, a)) / Double(a.count + b.count)
  }

  @Test func transformEqualsBruteForce() {
    let (extent, spacing) = (Extent(7, 9, 11), Spacing(2.5, 0.7, 1.3))
    for seed in 1...6 {
      let sources = (0..<extent.count).filter { ($0 &* 7919 &+ seed &* 104_729) % 97 < seed }
      #expect(!sources.isEmpty)
      let squared = squaredDistances(to: sources, extent: extent, spacing: spacing)
      for index in 0..<extent.count {
        let here = position(index, extent)
        let nearest = sources.map { source in
          zip(zip(here, position(source, extent)), [spacing.depth, spacing.height, spacing.width]).reduce(0.0) {
            $0 + pow(Double($1.0.0 - $1.0.1) * $1.1, 2)
          }
        }.min()!
        expectClose(squared[index], nearest, 1e-12)
      }
    }
    #expect(squaredDistances(to: [], extent: extent, spacing: spacing).allSatisfy { $0 == .infinity })
  }

  @Test func emptyMasks() {
    let nothing: [[Int]] = []
    let both = score(of: nothing, nothing, size: 4)
    #expect(both.dice == 1 && both.jaccard == 1 && both.surfaceDice == 1 && both.hausdorff95 == nil && both.isEmpty)
    for result in [score(of: [[0, 1, 0, 1, 0, 1]], nothing, size: 4), score(of: nothing, [[0, 1, 0, 1, 0, 1]], size: 4)] {
      #expect(result.dice == 0 && result.jaccard == 0 && result.surfaceDice == 0)
      #expect(result.averageSurfaceDistance == nil && result.hausdorff95 == nil)
    }
    expectClose(both.diagonal, 48.0.squareRoot())
  }

  @Test func aShiftedPlaneIsAsFarAsItsSpacing() {
    let near = score(of: [[2, 3, 0, 8, 0, 8]], [[5, 6, 0, 8, 0, 8]], size: 8, spacing: Spacing(2.5, 1, 1))
    #expect(near.dice == 0 && near.averageSurfaceDistance == 7.5 && near.hausdorff95 == 7.5)
    let same = score(of: [[2, 5, 1, 6, 3, 4]], [[2, 5, 1, 6, 3, 4]], size: 8)
    #expect(same.dice == 1 && same.jaccard == 1 && same.averageSurfaceDistance == 0 && same.hausdorff95 == 0)
  }
}

/// Compares to a relative tolerance.
func expectClose(
  _ value: Double?, _ expected: Double, _ tolerance: Double = 1e-9, sourceLocation: SourceLocation = #_sourceLocation
) {
  guard let value else {
    Issue.record("nil instead of \(expected)", sourceLocation: sourceLocation)
    return
  }
  #expect(abs(value - expected) <= tolerance * abs(expected), "\(value) instead of \(expected)", sourceLocation: sourceLocation)
}

/// Scores unions of boxes [d0, d1, h0, h1, w0, w1] (half-open) in a cube of `size` voxels.
func score(of prediction: [[Int]], _ reference: [[Int]], size: Int, spacing: Spacing = Spacing(1, 1, 1)) -> CaseScore {
  let extent = Extent(size, size, size)
  return score(
    prediction: boxes(prediction, extent), reference: boxes(reference, extent), extent: extent, spacing: spacing, label: 1)
}

func boxes(_ boxes: [[Int]], _ extent: Extent) -> [UInt8] {
  var labels = [UInt8](repeating: 0, count: extent.count)
  for box in boxes {
    for d in box[0]..<box[1] { for h in box[2]..<box[3] { for w in box[4]..<box[5] { labels[extent.index(d, h, w)] = 1 } } }
  }
  return labels
}

private func position(_ index: Int, _ extent: Extent) -> [Int] {
  [index / (extent.height * extent.width), index / extent.width % extent.height, index % extent.width]
}
