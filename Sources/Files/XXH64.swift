// XXH64, the published 64-bit checksum (seed 0): reads four words at a time and keeps up with memory, where CRC-32 takes longer than the disk.
// Finds damage, not malice. Each step is a bijection of what came before, so damage within one word is always noticed.

private let primes: (UInt64, UInt64, UInt64, UInt64, UInt64) = (
  0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63, 0x27D4_EB2F_1656_67C5
)

/// The XXH64 of `bytes`.
public func xxh64(of bytes: UnsafeRawBufferPointer) -> UInt64 {
  var position = 0
  var hash = primes.4
  if bytes.count >= 32 { hash = stripes(of: bytes, &position) }
  hash &+= UInt64(bytes.count)
  while position + 8 <= bytes.count {
    hash = rotated(hash ^ round(0, word(bytes, position)), 27) &* primes.0 &+ primes.3
    position += 8
  }
  if position + 4 <= bytes.count {
    let half = UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
    hash = rotated(hash ^ (half &* primes.0), 23) &* primes.1 &+ primes.2
    position += 4
  }
  while position < bytes.count {
    hash = rotated(hash ^ (UInt64(bytes[position]) &* primes.4), 11) &* primes.0
    position += 1
  }
  hash = (hash ^ (hash >> 33)) &* primes.1
  hash = (hash ^ (hash >> 29)) &* primes.2
  return hash ^ (hash >> 32)
}

/// All whole runs of 32 bytes; `position` ends behind them.
private func stripes(of bytes: UnsafeRawBufferPointer, _ position: inout Int) -> UInt64 {
  var (a, b, c, d) = (primes.0 &+ primes.1, primes.1, UInt64(0), 0 &- primes.0)
  let end = bytes.count & ~31
  var at = 0
  while at < end {
    a = round(a, word(bytes, at))
    b = round(b, word(bytes, at + 8))
    c = round(c, word(bytes, at + 16))
    d = round(d, word(bytes, at + 24))
    at += 32
  }
  position = end
  var hash = rotated(a, 1) &+ rotated(b, 7) &+ rotated(c, 12) &+ rotated(d, 18)
  for lane in [a, b, c, d] { hash = (hash ^ round(0, lane)) &* primes.0 &+ primes.3 }
  return hash
}

@inline(__always) private func word(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> UInt64 {
  // The caller stays within bounds; checking each word would halve the speed.
  UInt64(littleEndian: (bytes.baseAddress.unsafelyUnwrapped + position).loadUnaligned(as: UInt64.self))
}

@inline(__always) private func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
  rotated(lane &+ word &* primes.1, 31) &* primes.0
}

@inline(__always) private func rotated(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
