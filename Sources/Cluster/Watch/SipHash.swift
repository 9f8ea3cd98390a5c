// SipHash-2-4 of Aumasson and Bernstein (SipHash: a fast short-input PRF, 2012): whoever does not have the key cannot make the hash of a message.
// Nothing is allocated, so that a crash handler may call it.

/// 128 random bits.
package struct SipKey: BitwiseCopyable, Equatable {
  var low: UInt64
  var high: UInt64

  package init(low: UInt64, high: UInt64) { (self.low, self.high) = (low, high) }

  package static func random() -> SipKey {
    var generator = SystemRandomNumberGenerator()
    return SipKey(low: generator.next(), high: generator.next())
  }
}

/// The hash of `bytes` under `key`.
package func sipHash(_ bytes: UnsafeRawBufferPointer, key: SipKey) -> UInt64 {
  var state = SipState(key)
  let words = bytes.count / 8
  for word in 0..<words {
    state.absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * word, as: UInt64.self)))
  }
  var last = UInt64(truncatingIfNeeded: bytes.count) << 56
  for index in 8 * words..<bytes.count { last |= UInt64(bytes[index]) << UInt64(8 * (index - 8 * words)) }
  state.absorb(last)
  return state.finish()
}

private struct SipState {
  private var v0, v1, v2, v3: UInt64

  init(_ key: SipKey) {
    v0 = key.low ^ 0x736f_6d65_7073_6575
    v1 = key.high ^ 0x646f_7261_6e64_6f6d
    v2 = key.low ^ 0x6c79_6765_6e65_7261
    v3 = key.high ^ 0x7465_6462_7974_6573
  }

  mutating func absorb(_ word: UInt64) {
    v3 ^= word
    for _ in 0..<2 { mix() }
    v0 ^= word
  }

  mutating func finish() -> UInt64 {
    v2 ^= 0xff
    for _ in 0..<4 { mix() }
    return v0 ^ v1 ^ v2 ^ v3
  }

  private mutating func mix() {
    v0 &+= v1
    v1 = v1 << 13 | v1 >> 51
    v1 ^= v0
    v0 = v0 << 32 | v0 >> 32
    v2 &+= v3
    v3 = v3 << 16 | v3 >> 48
    v3 ^= v2
    v0 &+= v3
    v3 = v3 << 21 | v3 >> 43
    v3 ^= v0
    v2 &+= v1
    v1 = v1 << 17 | v1 >> 47
    v1 ^= v2
    v2 = v2 << 32 | v2 >> 32
  }
}
