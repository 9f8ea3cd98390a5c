// SHA-256 (FIPS 180-4), for golden files that hold a hash of a large array.

/// The hash of bytes as 64 hexadecimal digits.
public func sha256(_ bytes: [UInt8]) -> String {
  var state: [UInt32] = roots(8, degree: 2)
  let rounds = roots(64, degree: 3)
  var message = bytes + [0x80]
  message += [UInt8](repeating: 0, count: (120 - message.count % 64) % 64)
  message += (0..<8).map { UInt8(truncatingIfNeeded: UInt64(bytes.count * 8) >> (56 - 8 * UInt64($0))) }
  message.withUnsafeBufferPointer { message in
    for block in stride(from: 0, to: message.count, by: 64) {
      digest(UnsafeBufferPointer(rebasing: message[block..<block + 64]), rounds, &state)
    }
  }
  return state.map { word in
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }.joined()
}

private func digest(_ block: UnsafeBufferPointer<UInt8>, _ rounds: [UInt32], _ state: inout [UInt32]) {
  func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 { word >> bits | word << (32 - bits) }
  withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
    for index in 0..<16 { words[index] = (0..<4).reduce(0) { $0 << 8 | UInt32(block[4 * index + $1]) } }
    for index in 16..<64 {
      let (near, far) = (words[index - 2], words[index - 15])
      words[index] =
        words[index - 16] &+ words[index - 7] &+ (rotated(far, 7) ^ rotated(far, 18) ^ far >> 3)
        &+ (rotated(near, 17) ^ rotated(near, 19) ^ near >> 10)
    }
    var (a, b, c, d, e, f, g, h) = (state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7])
    for index in 0..<64 {
      let first =
        h &+ (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) &+ (e & f ^ ~e & g) &+ rounds[index] &+ words[index]
      let second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) &+ (a & b ^ a & c ^ b & c)
      (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
    }
    for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { state[index] = state[index] &+ word }
  }
}

/// The first 32 bits of the fractional parts of the roots of the first primes, exact: powers of integers are compared.
private func roots(_ count: Int, degree: Int) -> [UInt32] {
  let primes = (2...311).filter { candidate in !(2..<candidate).contains { candidate % $0 == 0 } }  // 64 of them
  return primes.prefix(count).map { prime in
    // The largest root with (root / 2^32)^degree <= prime.
    var root: UInt64 = 0
    for bit in (0..<37 as Range<UInt64>).reversed() where isAtMost(root | 1 << bit, degree, prime) { root |= 1 << bit }
    return UInt32(truncatingIfNeeded: root)
  }
}

private func isAtMost(_ root: UInt64, _ degree: Int, _ prime: Int) -> Bool {
  let power = (0..<degree).reduce(UInt128(1)) { product, _ in product * UInt128(root) }
  return power <= UInt128(prime) << UInt128(32 * degree)
}
