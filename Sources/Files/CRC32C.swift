// CRC-32C (Castagnoli's polynomial, RFC 3720), the checksum of TensorBoard's event files.

/// The CRC-32C of `bytes`.
public func crc32c(of bytes: [UInt8]) -> UInt32 {
  ~bytes.reduce(~UInt32(0)) { crc, byte in crc >> 8 ^ remainders[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
}

/// What each byte adds: the remainders of the polynomial, its bits reversed.
private let remainders: [UInt32] = (0..<256).map { byte in
  (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
}
