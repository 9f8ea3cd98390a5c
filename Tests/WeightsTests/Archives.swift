// Archives made by hand: a zip writer without compression, and little pickles in PyTorch's instructions.

import Files
import Foundation
import TestSupport

/// Zip numbers are little-endian.
private func number(_ value: Int, bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

/// A zip archive of stored entries.
/// - Parameters:
///   - method: the compression that its records claim.
///   - wide: sizes and offsets in 64-bit fields, as beyond 4 GB.
func storedZip(_ entries: [(name: String, bytes: [UInt8])], method: Int = 0, wide: Bool = false) -> [UInt8] {
  var file: [UInt8] = [], directory: [UInt8] = []
  for (name, bytes) in entries {
    let header = file.count, sum = number(Int(checksum(of: bytes)), bytes: 4), size = number(bytes.count, bytes: 4)
    let common = number(0, bytes: 2) + number(method, bytes: 2) + number(0, bytes: 4) + sum
    file += number(0x0403_4B50, bytes: 4) + number(20, bytes: 2) + common + size + size + number(name.utf8.count, bytes: 2)
    file += number(0, bytes: 2) + Array(name.utf8) + bytes
    let fields: [UInt8] =
      [1, 0, 24, 0] + number(bytes.count, bytes: 8) + number(bytes.count, bytes: 8) + number(header, bytes: 8)
    let extra = wide ? fields : []
    directory += number(0x0201_4B50, bytes: 4) + number(45, bytes: 2) + number(20, bytes: 2) + common
    directory += (wide ? number(0xFFFF_FFFF, bytes: 4) + number(0xFFFF_FFFF, bytes: 4) : size + size)
    directory += number(name.utf8.count, bytes: 2) + number(extra.count, bytes: 2) + number(0, bytes: 10)
    directory += number(wide ? 0xFFFF_FFFF : header, bytes: 4) + Array(name.utf8) + extra
  }
  let start = file.count, count = entries.count, record = start + directory.count
  file += directory
  if wide {
    file +=
      number(0x0606_4B50, bytes: 4) + number(44, bytes: 8) + number(45, bytes: 2) + number(45, bytes: 2) + number(0, bytes: 8)
    for value in [count, count, directory.count, start] { file += number(value, bytes: 8) }
    file += number(0x0706_4B50, bytes: 4) + number(0, bytes: 4) + number(record, bytes: 8) + number(1, bytes: 4)
  }
  file += number(0x0605_4B50, bytes: 4) + number(0, bytes: 4) + number(count, bytes: 2) + number(count, bytes: 2)
  file += number(wide ? 0xFFFF_FFFF : directory.count, bytes: 4) + number(wide ? 0xFFFF_FFFF : start, bytes: 4) + [0, 0]
  return file
}

/// Floats as they stand in files.
func stored(_ floats: [Float]) -> [UInt8] { floats.withUnsafeBytes { Array($0) } }

/// An archive with that pickle and one storage, data/0.
func archive(pickle: [UInt8], storage: [UInt8] = [], method: Int = 0, wide: Bool = false) -> [UInt8] {
  storedZip([("a/data.pkl", pickle), ("a/data/0", storage)], method: method, wide: wide)
}

/// BINUNICODE.
func pickled(_ text: String) -> [UInt8] { [UInt8(ascii: "X")] + number(text.utf8.count, bytes: 4) + Array(text.utf8) }

/// GLOBAL.
func pickled(module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

/// LONG1 of 8 bytes.
func pickled(_ integer: Int) -> [UInt8] { [0x8A, 8] + number(integer, bytes: 8) }

/// The dictionary {"w": tensor} of a float storage of `count` elements.
func pickledTensor(count: Int, offset: Int = 0, shape: [Int], strides: [Int], storage: String = "FloatStorage") -> [UInt8] {
  let tuple = { (values: [Int]) in [UInt8(ascii: "(")] + values.flatMap { pickled($0) } + [UInt8(ascii: "t")] }
  let identifier = pickled("storage") + pickled(module: "torch", storage) + pickled("0") + pickled("cpu") + pickled(count)
  let arguments = Array("((".utf8) + identifier + Array("tQ".utf8) + pickled(offset) + tuple(shape) + tuple(strides)
  let call = pickled(module: "torch._utils", "_rebuild_tensor_v2") + arguments + [0x89] + Array("}tR".utf8)
  return [0x80, 2] + Array("}".utf8) + pickled("w") + call + Array("s.".utf8)
}

/// Runs `body` with the path of a file of those bytes.
func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
  try withTemporaryFolder { folder in
    try Data(bytes).write(to: URL(fileURLWithPath: folder + "/x.pth"))
    return try body(folder + "/x.pth")
  }
}
