// Sliding window: nnU-Net's starts and weights, exact averages, small volumes.

import Preparation
import Tensors
import Testing
import Volumes

@Suite struct SlidingWindowTests {
  static func starts(_ count: Int, _ patch: Int, _ step: WindowStep) -> [Int] {
    SlidingWindow(volume: Extent(1, 1, count), patch: Extent(1, 1, patch), step: step).starts.map { $0[2] }
  }

  @Test(arguments: [
    (110, 64, [0, 23, 46]), (300, 128, [0, 57, 115, 172]), (78, 48, [0, 15, 30]), (305, 192, [0, 56, 113]),
    (373, 224, [0, 74, 149]), (64, 64, [0]), (7, 10, [-1]),
  ])
  func relativeStepsMatchTheGoldens(count: Int, patch: Int, expected: [Int]) {
    #expect(Self.starts(count, patch, .relative(0.5)) == expected)
  }

  @Test func fixedStridesEndWithTheVolume() {
    #expect(Self.starts(100, 80, .voxels(1, 1, 16)) == [0, 16, 20])
    #expect(Self.starts(112, 80, .voxels(1, 1, 16)) == [0, 16, 32])
    #expect(Self.starts(80, 80, .voxels(1, 1, 16)) == [0])
  }

  @Test func gaussianFactorsMatchTheGoldens() {
    let expected: [Float] = [0.000335463, 0.011109, 0.135335, 0.606531, 1, 0.606531, 0.135335, 0.011109]
    for (factor, golden) in zip(WindowProfile.gaussian(8), expected) { #expect(abs(factor - golden) < 1e-6) }
  }

  @Test(arguments: WindowWeighting.allCases, [Extent(9, 12, 7), Extent(3, 12, 2)])
  func scoresThatDoNotDependOnTheWindowComeBackUnchanged(weighting: WindowWeighting, volume: Extent) {
    let window = SlidingWindow(volume: volume, patch: Extent(4, 5, 6), weighting: weighting)
    let image = (0..<volume.count * 2).map { Float(RandomKey(1).gaussian(UInt64($0))) }
    let scores = window.predict(image: image, channels: 2, classes: 3) { patch in
      var scores: [Float] = []
      for index in stride(from: 0, to: patch.count, by: 2) {
        scores += [patch[index], patch[index + 1], patch[index] - patch[index + 1]]
      }
      return scores
    }
    #expect(scores.count == volume.count * 3)
    for voxel in 0..<volume.count {
      let (a, b) = (image[2 * voxel], image[2 * voxel + 1])
      #expect(abs(scores[3 * voxel] - a) < 1e-5 && abs(scores[3 * voxel + 1] - b) < 1e-5)
      #expect(abs(scores[3 * voxel + 2] - (a - b)) < 1e-5)
    }
  }

  @Test func uniformWindowsAverageByCount() {
    // windows of 4 at 0, 2, 4 with scores 1, 2, 3
    var call: Float = 0
    let window = SlidingWindow(volume: Extent(1, 1, 8), patch: Extent(1, 1, 4), weighting: .uniform)
    let scores = window.predict(image: [Float](repeating: 0, count: 8), channels: 1, classes: 1) { _ in
      call += 1
      return [Float](repeating: call, count: 4)
    }
    #expect(scores == [1, 1, 1.5, 1.5, 2.5, 2.5, 3, 3])
  }

  /// A window is asked for only when every plane that no later window reaches has been given out: memory holds no more planes than a patch has.
  @Test func planesAreGivenOutAsSoonAsTheyAreDone() {
    let volume = Extent(23, 9, 5), window = SlidingWindow(volume: volume, patch: Extent(8, 4, 6))
    let image = [Float](repeating: 1, count: volume.count)
    var planes: [Int] = [], visited = 0
    window.forEachPlane(image: image, channels: 1, classes: 1) { number, cut in
      visited += 1
      let isInTime = planes.count == max(0, window.starts[number][0])
      #expect(isInTime, "window \(number) after \(planes.count) planes")
      return cut()
    } plane: { plane, scores in
      planes.append(plane)
      let isWhole = scores.count == 45 && scores.allSatisfy { abs($0 - 1) < 1e-6 }
      #expect(isWhole)
    }
    #expect(planes == Array(0..<23) && visited == window.starts.count)
  }

  @Test func paddingIsTheBackground() {
    let window = SlidingWindow(volume: Extent(1, 1, 3), patch: Extent(1, 1, 6))
    var seen: [Float] = []
    _ = window.predict(image: [-2, 5, 7], channels: 1, classes: 1) { patch in
      seen = patch
      return patch
    }
    #expect(seen == [-2, -2, 5, 7, -2, -2])
  }

  @Test func anErrorOfTheNetworkIsPassedOn() {
    struct Failure: Error {}
    let window = SlidingWindow(volume: Extent(1, 1, 3), patch: Extent(1, 1, 6))
    #expect(throws: Failure.self) { try window.predict(image: [1, 2, 3], channels: 1, classes: 1) { _ in throw Failure() } }
  }

  /// A volume that is smaller than the patch goes on as in training: with its smallest value, or with nnU-Net's zeros.
  @Test(arguments: [(PatchPlacement.inside, Float(2)), (.nnunet, 0)]) func smallVolumesGoOnAsInTraining(
    placement: PatchPlacement, beyond: Float
  ) {
    let cover = SlidingWindow(volume: Extent(1, 1, 2), patch: Extent(1, 1, 4), placement: placement)
    var seen: [[Float]] = []
    _ = cover.predict(image: [3, 2], channels: 1, classes: 1) {
      seen.append($0)
      return $0
    }
    #expect(seen == [[beyond, 3, 2, beyond]])
  }
}
