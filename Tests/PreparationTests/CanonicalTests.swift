// The canonical frame of a frozen model: window geometry, what the model sees, and the maps between crops and coarse grids.

import Preparation
import Tensors
import Testing
import Volumes

@Suite struct CanonicalTests {
  /// An image [D, H, W] that is 0 outside a box and `value(d, h, w)` inside it.
  static func image(_ extent: Extent, _ box: [Range<Int>], _ value: (Int, Int, Int) -> Float) -> [Float] {
    var image = [Float](repeating: 0, count: extent.count)
    for d in box[0] { for h in box[1] { for w in box[2] { image[extent.index(d, h, w)] = value(d, h, w) } } }
    return image
  }

  @Test func aWindowIsCentredOnTheForeground() {
    let extent = Extent(20, 30, 40), spacing = Spacing(3, 1, 1.5)
    let image = Self.image(extent, [4..<8, 10..<21, 5..<30]) { _, _, _ in 1 }
    let windows = CanonicalFrame(size: 32, spacing: 1.5).windows(image, channels: 1, extent: extent, spacing: spacing)
    #expect(windows.count == 1)
    #expect(windows[0].step == [0.5, 1.5, 1])
    #expect(windows[0].position([5.5, 15, 17]) == [15.5, 15.5, 15.5])
  }

  @Test func aLargeVolumeHasWindowsHalfAWindowApart() {
    // 100 mm along W: five windows of 32 mm, 16 mm apart, would cover 96 mm.
    let extent = Extent(20, 20, 100), image = [Float](repeating: 0, count: extent.count - 1) + [-1]
    let windows = CanonicalFrame(size: 32, spacing: 1).windows(image, channels: 1, extent: extent, spacing: Spacing(1, 1, 1))
    #expect(windows.count == 6)
    #expect(zip(windows, windows.dropFirst()).allSatisfy { $1.origin[2] - $0.origin[2] == 16 })
    #expect(windows[0].origin[2] <= 0 && windows[5].origin[2] + 31 >= 99)
    #expect(windows[0].reach[2] == -.infinity...31.5 && windows[5].reach[2] == -0.5 ... .infinity)
    #expect(windows.allSatisfy { $0.reach[0] == -.infinity ... .infinity })
  }

  @Test func theModelSeesXYZStandardisedOverTheForeground() {
    let extent = Extent(6, 7, 8), frame = CanonicalFrame(size: 8, spacing: 1)
    // Shifted as prepared images are: the background is -2.
    func raw(_ d: Int, _ h: Int, _ w: Int) -> Double { Double(1 + d + 10 * h + 100 * w) }
    let box = [1..<5, 1..<5, 1..<7]
    let image = Self.image(extent, box) { Float(raw($0, $1, $2)) }.map { $0 == 0 ? -2 : $0 - 2 }
    let window = frame.windows(image, channels: 1, extent: extent, spacing: Spacing(1, 1, 1))[0]
    let seen = frame.image(image, channels: 1, extent: extent, window: window)
    let foreground = box[0].flatMap { d in box[1].flatMap { h in box[2].map { w in raw(d, h, w) } } }
    let count = Double(foreground.count), mean = foreground.reduce(0, +) / count
    let squares = foreground.map { ($0 - mean) * ($0 - mean) }.reduce(0, +)
    let standardDeviation = (squares / (count - 1)).squareRoot()
    for (d, h, w) in [(1, 1, 1), (4, 4, 6), (2, 3, 5)] {
      // The sides of the box are even, so that the window lies on its voxels.
      let place = window.position([Double(d), Double(h), Double(w)]).map { Int($0) }
      let found = Double(seen[(place[2] * 8 + place[1]) * 8 + place[0]])
      #expect(abs(found - (raw(d, h, w) - mean) / standardDeviation) < 1e-4)
    }
    #expect(abs(Double(seen[0]) + mean / standardDeviation) < 1e-4, "outside is background")
  }

  @Test func aConstantVolumeHasNoDeviation() {
    let extent = Extent(4, 4, 4), frame = CanonicalFrame(size: 4, spacing: 1), image = [Float](repeating: 3, count: 64)
    let windows = frame.windows(image, channels: 1, extent: extent, spacing: Spacing(1, 1, 1))
    #expect(windows.count == 1)
    #expect(frame.image(image, channels: 1, extent: extent, window: windows[0]).allSatisfy { $0 == 0 })
  }

  // MARK: Crops

  static let window = CanonicalWindow(
    size: 16, origin: [0, 0, 0], step: [1, 1, 1], reach: Array(repeating: -.infinity ... .infinity, count: 3))

  /// [1, D, H, W, 1] at a crop: the value of `field` at the volume position of each voxel.
  static func crop(_ place: CropPlace, _ field: ([Int]) -> Float) -> Tensor {
    var values: [Float] = []
    for d in 0..<place.crop.depth {
      for h in 0..<place.crop.height { for w in 0..<place.crop.width { values.append(field(place.position(d, h, w))) } }
    }
    return Tensor(values, shape: [1, place.crop.depth, place.crop.height, place.crop.width, 1])
  }

  static func place(_ crop: Extent, origin: [Int], _ steps: [[Int]] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]) -> CropPlace {
    CropPlace(volume: Extent(16, 16, 16), spacing: Spacing(1, 1, 1), crop: crop, origin: origin, steps: steps)
  }

  @Test func poolingAveragesCellsInTheModelsAxes() {
    let place = Self.place(Extent(16, 16, 16), origin: [0, 0, 0])
    let pooled = WindowMap(place, Self.window).pooled(Self.crop(place) { Float($0[0] + 20 * $0[1] + 400 * $0[2]) }, grid: 4)
    #expect(pooled.isKnown.allSatisfy { $0 })
    for x in 0..<4 {
      for y in 0..<4 {
        for z in 0..<4 {
          let expected = (1.5 + 4 * Float(z)) + 20 * (1.5 + 4 * Float(y)) + 400 * (1.5 + 4 * Float(x))
          #expect(abs(pooled.values[(x * 4 + y) * 4 + z] - expected) < 1e-2)
        }
      }
    }
  }

  @Test func whatACropDoesNotCoverIsUnknown() {
    // Voxels 2..<11 along D: of the cells 0..<4, 4..<8, 8..<12 the first is half covered and the third three quarters.
    let place = Self.place(Extent(9, 16, 16), origin: [2, 0, 0])
    let pooled = WindowMap(place, Self.window).pooled(Self.crop(place) { Float($0[0]) }, grid: 4)
    let alongDepth = (0..<4).map { (pooled.values[$0], pooled.isKnown[$0]) }
    #expect(alongDepth.map(\.1) == [true, true, true, false])
    #expect(zip(alongDepth.map(\.0), [2.5, 5.5, 9, 0] as [Float]).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  static let turns: [[[Int]]] = [
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[-1, 0, 0], [0, 1, 0], [0, 0, -1]], [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    [[1, 0, 0], [0, 0, 1], [0, 1, 0]],
  ]

  /// However a crop is turned, the window's grid gets the same values, and its answer returns to the same voxels.
  @Test(arguments: turns) func turnedCropsPoolAndSampleTheSameValues(steps: [[Int]]) throws {
    let side = 12
    let origin = (0..<3).map { axis in steps.contains { $0[axis] == -1 } ? 13 : 2 }
    let straight = Self.place(Extent(side, side, side), origin: [2, 2, 2])
    let turned = Self.place(Extent(side, side, side), origin: origin, steps)
    let field = { (at: [Int]) -> Float in RandomKey(9).uniformFloat(at) }
    let pooled = [straight, turned].map { WindowMap($0, Self.window).pooled(Self.crop($0, field), grid: 8) }
    #expect(pooled[0].isKnown == pooled[1].isKnown)
    #expect(zip(pooled[0].values, pooled[1].values).allSatisfy { abs($0 - $1) < 1e-5 })
    let sampled = [straight, turned].map { place in
      WindowMap.sampled([(WindowMap(place, Self.window), pooled[0].values)], grid: 8, channels: 1).values
    }
    // Both crops hold the same voxels of the volume.
    var atVoxel = [[Int]: Float]()
    for d in 0..<side {
      for h in 0..<side {
        for w in 0..<side { atVoxel[turned.position(d, h, w)] = sampled[1][turned.crop.index(d, h, w)] }
      }
    }
    for (d, h, w) in [(0, 0, 0), (11, 3, 5), (4, 10, 1)] {
      let other = try #require(atVoxel[straight.position(d, h, w)])
      #expect(abs(sampled[0][straight.crop.index(d, h, w)] - other) < 1e-5)
    }
  }

  @Test func samplingIsTrilinearFromTheMiddlesOfCells() {
    // A ramp along z sampled at 16 voxels from 4 cells: positions (i + 1/2) / 4 - 1/2, ends clamped.
    let place = Self.place(Extent(16, 4, 4), origin: [0, 6, 6])
    let ramp = (0..<64).map { Float($0 % 4) }
    let values = WindowMap.sampled([(WindowMap(place, Self.window), ramp)], grid: 4, channels: 1).values
    for d in 0..<16 {
      let expected = max(0, min(3, (Float(d) + 0.5) / 4 - 0.5))
      #expect(abs(values[d * 16] - expected) < 1e-6)
    }
    // A window that begins half a voxel later moves the answer by half a voxel.
    var shifted = Self.window
    shifted.origin[0] = 0.5
    let moved = WindowMap.sampled([(WindowMap(place, shifted), ramp)], grid: 4, channels: 1).values
    for d in 4..<12 { #expect(abs(moved[d * 16] - Float(d) / 4 + 0.5) < 1e-6) }
  }

  @Test func aBallMapsToTheWindowAndBack() {
    // A crop of 1 mm voxels, a window of 1.5 mm and a grid of 6 mm cells; the ball has a radius of 20 mm.
    let extent = Extent(64, 64, 64)
    let place = CropPlace(volume: Extent(90, 90, 90), spacing: Spacing(1, 1, 1), crop: extent, origin: [9, 13, 20])
    let window = CanonicalWindow(
      size: 64, origin: [-3, -2.5, 0.25], step: [1.5, 1.5, 1.5], reach: Array(repeating: -.infinity ... .infinity, count: 3))
    let ball = Self.crop(place) { at in
      let (d, h, w) = (at[0] - 40, at[1] - 45, at[2] - 52)
      return d * d + h * h + w * w <= 400 ? 1 : 0
    }
    let map = WindowMap(place, window)
    let back = WindowMap.sampled([(map, map.pooled(ball, grid: 16).values)], grid: 16, channels: 1).values
    let truth = ball.values.map { $0 > 0.5 }, answer = back.map { $0 > 0.5 }
    let both = zip(truth, answer).count { $0 && $1 }
    let dice = 2 * Double(both) / Double(truth.count { $0 } + answer.count { $0 })
    #expect(dice > 0.95)
  }

  @Test func overlappingWindowsAreAveraged() {
    let extent = Extent(4, 4, 24)
    let place = CropPlace(volume: extent, spacing: Spacing(1, 1, 1), crop: extent, origin: [0, 0, 0])
    let first = CanonicalWindow(
      size: 16, origin: [-6, -6, 0], step: [1, 1, 1],
      reach: [-.infinity ... .infinity, -.infinity ... .infinity, -.infinity...15.5])
    let second = CanonicalWindow(
      size: 16, origin: [-6, -6, 8], step: [1, 1, 1],
      reach: [-.infinity ... .infinity, -.infinity ... .infinity, -0.5 ... .infinity])
    let maps = [first, second].map { WindowMap(place, $0) }
    #expect(maps.allSatisfy { $0.isTouched })
    let parts = zip(maps, [2, 4] as [Float]).map { (map: $0, values: [Float](repeating: $1, count: 64)) }
    let row = Array(WindowMap.sampled(parts, grid: 4, channels: 1).values[0..<24])
    #expect(row == [Float](repeating: 2, count: 8) + [Float](repeating: 3, count: 8) + [Float](repeating: 4, count: 8))
    let away = CropPlace(volume: extent, spacing: Spacing(1, 1, 1), crop: Extent(4, 4, 4), origin: [0, 0, 20])
    #expect(!WindowMap(away, first).isTouched && WindowMap(away, second).isTouched)
  }

  @Test func aCoarserGridLiesOverTheSameCrop() {
    let place = Self.place(Extent(8, 8, 8), origin: [4, 4, 4])
    let ramp = (0..<64).map { Float($0 % 4) }
    let coarse = WindowMap(place, Self.window).coarsened(to: [2, 2, 2])
    let values = WindowMap.sampled([(coarse, ramp)], grid: 4, channels: 1).values
    // The halves of voxels 4..<12 have their middles at 5.5 and 9.5: cells 1 and 2.
    #expect(values == [1, 1, 1, 1, 2, 2, 2, 2])
  }
}

extension RandomKey {
  /// A number in [0, 1) for a voxel.
  fileprivate func uniformFloat(_ voxel: [Int]) -> Float { Float(uniform(UInt64(voxel[0] * 10000 + voxel[1] * 100 + voxel[2]))) }
}
