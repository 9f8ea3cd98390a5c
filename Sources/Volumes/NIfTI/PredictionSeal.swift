// The seal of a predicted label map: a checksum of its header and voxels in the description that its header carries, by which a later prediction
// knows that nobody has corrected or replaced it.

import Files

enum PredictionSeal {
  private static let mark = Array("Cohort prediction crc32:".utf8)
  private static let blank = [UInt8](repeating: UInt8(ascii: "0"), count: 8)
  /// Where a NIfTI-1 header has its description (80 bytes), and in it the digits of the checksum.
  private static let description = 148
  private static var digits: Range<Int> { description + mark.count..<description + mark.count + blank.count }
  /// Bytes before the voxels of a file that Cohort writes.
  private static let headerBytes = 352

  /// Puts the seal into a header that stands before `voxels`.
  static func seal(_ header: inout [UInt8], voxels: UnsafeRawBufferPointer) {
    header.replaceSubrange(description..<digits.upperBound, with: mark + blank)
    header.replaceSubrange(digits, with: hexadecimal(checksum(of: voxels, after: checksum(of: header))).utf8)
  }

  static func isIntact(_ reader: GzipReader) throws(VolumeError) -> Bool {
    var header = [UInt8](repeating: 0, count: headerBytes)
    guard try reader.read(into: &header) == headerBytes, header[description...].starts(with: mark) else { return false }
    let stored = Array(header[digits])
    header.replaceSubrange(digits, with: blank)
    var sum = checksum(of: header), block = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = try reader.read(into: &block)
      guard count > 0 else { return stored == Array(hexadecimal(sum).utf8) }
      sum = block.withUnsafeBytes { checksum(of: UnsafeRawBufferPointer(rebasing: $0[..<count]), after: sum) }
    }
  }
}

/// Whether a file is a label map as `writePrediction` wrote it, unchanged since. It is read whole.
public func isUnchangedPrediction(_ path: String) -> Bool {
  (try? PredictionSeal.isIntact(GzipReader(path))) ?? false
}
