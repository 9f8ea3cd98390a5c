// Numbers that look random and are the same in every run.

/// `count` numbers in -1...1 that follow from `seed` (Knuth's 64-bit linear congruential generator).
func noise(_ count: Int, _ seed: UInt64) -> [Float] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
  }
}
