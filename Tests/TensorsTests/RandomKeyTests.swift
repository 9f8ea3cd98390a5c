// Goldens of the counter-based random numbers: they pin every random stream of the package.

import Tensors
import Testing

@Suite struct RandomKeyTests {
  @Test func hashesAreSplitMix64InCounterForm() {
    let key = RandomKey(0)
    #expect((0..<3).map { key.hash($0) } == [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F])
  }

  @Test func textsHashByFNV1a() {
    #expect(fnv1a64("BraTS19_TCIA02_370_1") == 0xF3B9_9B57_EF1D_1C30)
    #expect(fnv1a64("") == 0xCBF2_9CE4_8422_2325)
  }

  @Test(arguments: [RandomStream.multiplicativeField, RandomStream.additiveField])
  func keysOfAVolumeMatchTheGoldens(stream: UInt64) {
    let isFirst = stream == RandomStream.multiplicativeField
    let value: UInt64 = isFirst ? 0xC39B_B027_3D6C_C86E : 0x92F2_9753_E3FC_7CD3
    let bytes: [Int8] = isFirst ? [-62, 65, 9, -9, 54, -34, 9, -67] : [-87, 40, 114, -28, -98, 112, 127, 9]
    let key = RandomKey(seed: 1337, volume: "BraTS19_TCIA02_370_1", draw: 0, stream: stream)
    #expect(key.value == value)
    let word = key.hash(0)
    #expect((0..<8).map { Int8(truncatingIfNeeded: word >> (8 * UInt64($0))) } == bytes)
  }

  @Test func anArgumentChangesEveryStream() {
    let base = RandomKey(seed: 1, volume: "a", draw: 2, stream: 3)
    let others = [
      RandomKey(seed: 2, volume: "a", draw: 2, stream: 3), RandomKey(seed: 1, volume: "b", draw: 2, stream: 3),
      RandomKey(seed: 1, volume: "a", draw: 3, stream: 3), RandomKey(seed: 1, volume: "a", draw: 2, stream: 4), base.child(0),
    ]
    #expect(Set(others + [base]).count == 6)
  }

  @Test func uniformAndGaussianNumbersHaveTheirMoments() {
    let key = RandomKey(7)
    let count = 20000
    var (sum, squares, uniforms, counts) = (0.0, 0.0, 0.0, [0, 0, 0])
    for index in 0..<count {
      let gaussian = key.gaussian(UInt64(index))
      sum += gaussian
      squares += gaussian * gaussian
      let uniform = key.uniform(UInt64(index))
      #expect(uniform >= 0 && uniform < 1)
      uniforms += uniform
      counts[key.integer(UInt64(index), below: 3)] += 1
    }
    // four standard errors of 20000 samples
    #expect(abs(sum / Double(count)) < 0.029)
    #expect(abs(squares / Double(count) - 1) < 0.04)
    #expect(abs(uniforms / Double(count) - 0.5) < 0.0082)
    #expect(counts.allSatisfy { abs(Double($0) / Double(count) - 1.0 / 3) < 0.0134 })
  }
}
