// The box generator and what follows it: exact sums, the smoothness law, borders, independence of draws, tanh, quantiles.

import Foundation
import Preparation
import Tensors
import Testing
import Volumes

@Suite struct BoxNoiseTests {
  @Test(arguments: [BoxBorder.zero, .valid], [Extent(5, 7, 6), Extent(1, 3, 12)])
  func runningSumsEqualTheDefinition(border: BoxBorder, extent: Extent) {
    let noise = IntegerField<Int32>(noise: Extent(extent.depth + 4, extent.height + 4, extent.width + 4), key: RandomKey(3))
    let lead = border == .zero ? 2 : 0
    for axis in 0..<3 {
      let sums = noise.runningSums(axis: axis, width: 5, border: border)
      #expect(sums.extent[axis] == noise.extent[axis] - (border == .zero ? 0 : 4))
      for voxel in 0..<sums.extent.count {
        var place = [
          voxel / (sums.extent.height * sums.extent.width), voxel / sums.extent.width % sums.extent.height,
          voxel % sums.extent.width,
        ]
        place[axis] -= lead
        var expected: Int32 = 0
        for _ in 0..<5 {
          if (0..<noise.extent[axis]).contains(place[axis]) {
            expected += noise.values[noise.extent.index(place[0], place[1], place[2])]
          }
          place[axis] += 1
        }
        #expect(sums.values[voxel] == expected)
      }
    }
  }

  @Test func aBoxWiderThanTheCropSumsTheWholeLine() {
    let noise = IntegerField<Int32>(noise: Extent(1, 1, 8), key: RandomKey(3))
    let sums = noise.runningSums(axis: 2, width: 41, border: .zero)
    #expect(sums.values.allSatisfy { $0 == noise.values.reduce(0, +) })
  }

  @Test(arguments: [(7, 1), (7, 3)])
  func neighbourStepsFollowTheLaw(width: Int, passes: Int) {
    // Autocorrelation of the repeated box kernel at lags 0 and 1.
    var kernel = [1.0]
    for _ in 0..<passes {
      var wider = [Double](repeating: 0, count: kernel.count + width - 1)
      for (index, value) in kernel.enumerated() { for offset in 0..<width { wider[index + offset] += value } }
      kernel = wider
    }
    let energy = kernel.reduce(0) { $0 + $1 * $1 }
    let lagged = zip(kernel, kernel.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
    let law = (2 * (1 - lagged / energy)).squareRoot()

    let extent = Extent(96, 96, 96)
    var (squares, steps) = (0.0, 0.0)
    for seed in 0..<4 as Range<UInt64> {
      let field = BoxNoise(width: width, passes: passes, border: .valid).field(extent, key: RandomKey(seed))
      for voxel in 0..<extent.count - 1 where (voxel + 1) % extent.width != 0 {
        let step = Double(field[voxel + 1] - field[voxel])
        squares += Double(field[voxel]) * Double(field[voxel])
        steps += step * step
      }
    }
    #expect(abs((steps / squares).squareRoot() / law - 1) < 0.05)
  }

  @Test(arguments: [(BoxBorder.valid, 1.0, 0.12), (.zero, 0.4029, 0.05)])
  func cornersAreWeakOnlyWithAZeroBorder(border: BoxBorder, ratio: Double, tolerance: Double) {
    let extent = Extent(32, 32, 32)
    var (corner, centre) = (0.0, 0.0)
    for seed in 0..<500 as Range<UInt64> {
      let field = BoxNoise(width: 11, passes: 1, border: border).field(extent, key: RandomKey(seed))
      corner += Double(field[0] * field[0])
      let middle = field[extent.index(16, 16, 16)]
      centre += Double(middle * middle)
    }
    #expect(abs((corner / centre).squareRoot() - ratio) < tolerance)
  }

  @Test func noiseIsThatOfTheKey() {
    let noise = IntegerField<Int32>(
      noise: Extent(1, 1, 11), key: RandomKey(seed: 1337, volume: "BraTS19_TCIA02_370_1", draw: 0, stream: 1))
    #expect(noise.values.prefix(8) == [-123, 131, 19, -17, 109, -67, 19, -133])  // 2·v + 1 of the golden bytes
    #expect(noise.values.count == 11)
  }

  /// Wide boxes on a small crop too: nothing, such as a dome from the border, may be common to all draws.
  @Test(arguments: [9, 41])
  func drawsAreIndependent(width: Int) {
    var sobf = SOBF(preset: .paper)
    sobf.generator = .box(multiplicativeWidth: width, additiveWidth: 5, passes: 1, border: .zero)
    let fields = (0..<24 as Range<UInt64>).map { SOBFTests.fields(sobf, Extent(24, 32, 32), draw: $0).u }
    var correlations: [Double] = []
    for first in fields.indices {
      for second in 0..<first { correlations.append(SOBFTests.cosine(fields[first], fields[second])) }
    }
    #expect(abs(correlations.reduce(0, +) / Double(correlations.count)) < 0.1)
    if width == 9 { #expect(correlations.map(abs).max()! < 0.8) }
  }

  @Test func theSquashIsTanh() {
    let values = stride(from: -20.0, through: 20.0, by: 0.01).map { Float($0) }
    var squashed = values
    scaledTanh(&squashed, 0.25)
    for (value, result) in zip(values, squashed) { #expect(abs(Double(result) - 0.25 * tanh(Double(value))) < 1e-7) }
  }

  @Test(arguments: [1, 2, 5, 1000])
  func quantilesEqualThoseOfTheSortedValues(count: Int) {
    let key = RandomKey(2)
    // coarse values: many ties, both signs, zero
    let values = (0..<2 * count).map { Float((key.gaussian(UInt64($0)) * 4).rounded()) / 3 }
    let channel = stride(from: 1, to: values.count, by: 2).map { values[$0] }.sorted()
    let wanted = [0, 0.01, 0.25, 0.5, 0.99, 1]
    for (probability, value) in zip(wanted, quantiles(values, channel: 1, of: 2, wanted)) {
      let position = probability * Double(count - 1)
      let below = Int(position)
      let lower = Double(channel[below])
      let upper = Double(channel[min(below + 1, count - 1)])
      #expect(value == lower + (upper - lower) * (position - Double(below)))
    }
  }
}
