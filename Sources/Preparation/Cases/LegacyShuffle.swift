// The permutation that numpy's legacy generator gives for a seed: nnU-Net's folds follow from it (scikit-learn's KFold with random_state).

/// A permutation of 0..<count by the 32-bit Mersenne Twister (Matsumoto and Nishimura 1998).
func legacyPermutation(of count: Int, seed: UInt32) -> [Int] {
  var generator = MersenneTwister(seed: seed), order = Array(0..<count)
  for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, generator.number(atMost: last)) }
  return order
}

private struct MersenneTwister {
  private static let length = 624, shift = 397
  private var state: [UInt32]
  private var position = Self.length

  init(seed: UInt32) {
    state = [seed]
    for index in 1..<Self.length {
      let last = state[index - 1]
      state.append(1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(index))
    }
  }

  /// A number from 0 to `most`: draws are cut to its bits and repeated while they are greater.
  mutating func number(atMost most: Int) -> Int {
    let mask = UInt32.max >> UInt32(UInt32(most).leadingZeroBitCount)
    while true {
      let draw = next() & mask
      if draw <= most { return Int(draw) }
    }
  }

  private mutating func next() -> UInt32 {
    if position == Self.length { twist() }
    var y = state[position]
    position += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C_5680
    y ^= (y << 15) & 0xEFC6_0000
    return y ^ (y >> 18)
  }

  private mutating func twist() {
    for index in 0..<Self.length {
      let y = (state[index] & 0x8000_0000) | (state[(index + 1) % Self.length] & 0x7FFF_FFFF)
      state[index] = state[(index + Self.shift) % Self.length] ^ (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_B0DF)
    }
    position = 0
  }
}
