// Bytes of small NIfTI files made by hand from the format's tables, so that the reader is not only tested against our own writer.
// Offsets: https://nifti.nimh.nih.gov, nifti1.h and nifti2.h. Voxels in file order, x fastest.

import CZlib
import Foundation

/// A NIfTI file to be: set what a test needs, take `bytes`.
struct NIfTISample {
  var version = 1
  var bigEndian = false
  var dimensions = [3, 3, 2, 4, 1, 1, 1, 1]
  var type = 4
  var pixelDimensions: [Double] = [1, 2, 3, 4, 0, 0, 0, 0]
  var slope = 0.0
  var intercept = 0.0
  var offset = 0
  var units: UInt8 = 2
  var sformCode = 1
  var qformCode = 0
  var quaternion: [Double] = [0, 0, 0]
  var quaternionOffset: [Double] = [0, 0, 0]
  var sform: [Double] = [2, 0, 0, -10, 0, 3, 0, -20, 0, 0, 4, -30]
  var magic: String?
  /// Values before slope and intercept; 0, 1, 2, ... when nil.
  var values: [Double]?

  var voxelCount: Int { dimensions[1...3].reduce(1, *) }
  private var dataOffset: Int { max(offset, version == 1 ? 352 : 544) }

  var bytes: [UInt8] {
    var out = [UInt8](repeating: 0, count: dataOffset)
    version == 1 ? fillHeader1(&out) : fillHeader2(&out)
    for value in values ?? (0..<voxelCount).map(Double.init) { append(value, to: &out) }
    return out
  }

  private func fillHeader1(_ out: inout [UInt8]) {
    put(Int32(348), 0, &out)
    for (i, value) in dimensions.enumerated() { put(Int16(value), 40 + 2 * i, &out) }
    put(Int16(type), 70, &out)
    for (i, value) in pixelDimensions.enumerated() { put(Float(value).bitPattern, 76 + 4 * i, &out) }
    put(Float(dataOffset).bitPattern, 108, &out)
    put(Float(slope).bitPattern, 112, &out)
    put(Float(intercept).bitPattern, 116, &out)
    out[123] = units
    put(Int16(qformCode), 252, &out)
    put(Int16(sformCode), 254, &out)
    for (i, value) in (quaternion + quaternionOffset + sform).enumerated() { put(Float(value).bitPattern, 256 + 4 * i, &out) }
    for (i, byte) in (magic ?? "n+1\0").utf8.enumerated() { out[344 + i] = byte }
  }

  private func fillHeader2(_ out: inout [UInt8]) {
    put(Int32(540), 0, &out)
    for (i, byte) in (Array("n+2\0".utf8) + [13, 10, 26, 10]).enumerated() { out[4 + i] = byte }
    put(Int16(type), 12, &out)
    for (i, value) in dimensions.enumerated() { put(Int64(value), 16 + 8 * i, &out) }
    for (i, value) in pixelDimensions.enumerated() { put(value.bitPattern, 104 + 8 * i, &out) }
    put(Int64(dataOffset), 168, &out)
    put(slope.bitPattern, 176, &out)
    put(intercept.bitPattern, 184, &out)
    put(Int32(qformCode), 344, &out)
    put(Int32(sformCode), 348, &out)
    for (i, value) in (quaternion + quaternionOffset + sform).enumerated() { put(value.bitPattern, 352 + 8 * i, &out) }
    put(Int32(units), 500, &out)
  }

  private func append(_ value: Double, to out: inout [UInt8]) {
    switch type {
    case 2: append(UInt8(value), &out)
    case 256: append(Int8(value), &out)
    case 4: append(Int16(value), &out)
    case 512: append(UInt16(value), &out)
    case 8: append(Int32(value), &out)
    case 768: append(UInt32(value), &out)
    case 1024: append(Int64(value), &out)
    case 1280: append(UInt64(value), &out)
    case 16: append(Float(value).bitPattern, &out)
    case 64: append(value.bitPattern, &out)
    default: out += [UInt8](repeating: 0, count: 16)  // types that the reader refuses
    }
  }

  private func append<Value: FixedWidthInteger>(_ value: Value, _ out: inout [UInt8]) {
    withUnsafeBytes(of: bigEndian ? value.bigEndian : value.littleEndian) { out += Array($0) }
  }

  private func put<Value: FixedWidthInteger>(_ value: Value, _ offset: Int, _ out: inout [UInt8]) {
    withUnsafeBytes(of: bigEndian ? value.bigEndian : value.littleEndian) { bytes in
      for i in 0..<bytes.count { out[offset + i] = bytes[i] }
    }
  }
}

/// Writes bytes to `folder/name` and returns the path.
func store(_ bytes: [UInt8], _ name: String, in folder: String) throws -> String {
  let path = "\(folder)/\(name)"
  try Data(bytes).write(to: URL(fileURLWithPath: path))
  return path
}

/// The bytes as a gzip stream.
func gzipped(_ bytes: [UInt8], in folder: String) throws -> [UInt8] {
  let path = "\(folder)/gzipped-\(UUID().uuidString)"
  let stream = gzopen(path, "wb")!
  _ = bytes.withUnsafeBytes { gzwrite(stream, $0.baseAddress!, UInt32($0.count)) }
  gzclose(stream)
  defer { unlink(path) }
  return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}
