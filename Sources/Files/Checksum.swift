// CRC-32 (the polynomial of gzip and PNG) of bytes in memory and in files: finds damage, not malice.

import CZlib

/// The CRC-32 of `bytes`, continuing from the checksum of what came before (0 at the start).
public func checksum(of bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
  UInt32(truncatingIfNeeded: crc32_z(uLong(previous), bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
}

/// The CRC-32 of an array's memory (little-endian on every machine this runs on).
public func checksum<Element: BitwiseCopyable>(of values: [Element]) -> UInt32 {
  values.withUnsafeBytes { checksum(of: $0) }
}
