// A fast fingerprint of a file's bytes, to notice that an input changed. Not for security.

import CZlib
import Foundation

/// CRC-32 and Adler-32 of the bytes of a file and its size, as hexadecimal text such as "352441c2024d0127-3".
///
/// Errors: a missing file, a folder, a file that cannot be read.
public func fileHash(_ path: String) throws(VolumeError) -> String {
  let size = try regularFileSize(path)
  guard let file = fopen(path, "rb") else {
    throw VolumeError("\(path) cannot be opened (\(String(cString: strerror(errno)))): check its permissions.")
  }
  defer { fclose(file) }
  var buffer = [UInt8](repeating: 0, count: 1 << 20)
  var (cyclic, sum) = (crc32(0, nil, 0), adler32(0, nil, 0))
  var total = 0
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    if count == 0 { break }
    cyclic = crc32(cyclic, buffer, UInt32(count))
    sum = adler32(sum, buffer, UInt32(count))
    total += count
  }
  guard total == size, ferror(file) == 0 else {
    throw VolumeError("\(path) changed or failed while it was read: read it again when nothing writes to it.")
  }
  return String(format: "%08x%08x-%d", UInt32(cyclic), UInt32(sum), size)
}
