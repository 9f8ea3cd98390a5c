// Files: sealed JSON notices every flipped bit, durable writing replaces in one step, CRC-32 agrees with its published check value.

import Files
import Foundation
import Testing
import TestSupport

@Suite struct FilesTests {
  private struct Sample: Codable, Equatable {
    var name: String
    var numbers: [Int]
  }

  @Test func checksumOfTheStandardCheckString() {
    #expect(checksum(of: Array("123456789".utf8)) == 0xCBF4_3926)
  }

  /// Published values of XXH64 with seed 0, and one for each way through the end of the bytes.
  @Test(
    arguments: [
      ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
      ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
    ] as [(String, UInt64)]) func xxh64OfKnownTexts(text: String, expected: UInt64)
  {
    let found = Array(text.utf8).withUnsafeBytes { xxh64(of: $0) }
    #expect(found == expected)
  }

  @Test func xxh64NoticesEveryFlippedBit() {
    var bytes = (0..<101).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    let sum = bytes.withUnsafeBytes { xxh64(of: $0) }
    for bit in 0..<8 * bytes.count {
      bytes[bit / 8] ^= 1 << (bit % 8)
      #expect(bytes.withUnsafeBytes { xxh64(of: $0) } != sum)
      bytes[bit / 8] ^= 1 << (bit % 8)
    }
  }

  @Test func fileSystemsHaveTheirNames() {
    #expect(fileSystemType(of: "/proc/self") == "proc")
    #expect(fileSystemType(of: "/nowhere") == nil)
  }

  @Test func checksumContinues() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let continued = bytes.withUnsafeBytes { whole in
      checksum(
        of: UnsafeRawBufferPointer(rebasing: whole[400...]), after: checksum(of: UnsafeRawBufferPointer(rebasing: whole[..<400])))
    }
    #expect(continued == checksum(of: bytes))
  }

  @Test func sealedContentComesBack() throws {
    let sample = Sample(name: "crc32:deadbeef", numbers: [1, 2, 3])
    let bytes = try seal(sample)
    #expect(try unseal(bytes, as: Sample.self, path: "sample") == sample)
    #expect(try seal(sample) == bytes)
  }

  @Test func everyFlippedBitIsNoticed() throws {
    let bytes = try seal(Sample(name: "left atrium", numbers: [4, 5]))
    for position in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[position] ^= 1 << bit
        #expect(throws: FileError.self) { try unseal(damaged, as: Sample.self, path: "sample") }
      }
    }
  }

  @Test func everyTruncationIsNoticed() throws {
    let bytes = try seal(Sample(name: "liver", numbers: []))
    for count in bytes.indices {
      #expect(throws: FileError.self) { try unseal(Array(bytes.prefix(count)), as: Sample.self, path: "sample") }
    }
  }

  @Test func durableWritingReplaces() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/value"
    try writeDurably([1, 2, 3], to: path)
    try writeDurably([4], to: path)
    #expect(try readAll(path) == [4])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["value"])
  }

  @Test func errorsNameThePathAndAHint() {
    let error = #expect(throws: FileError.self) { try writeDurably([1], to: "/nowhere/at/all") }
    #expect(error?.description.contains("/nowhere/at/all") == true)
    #expect(error?.description.hasSuffix("Check the path.") == true)
    #expect(throws: FileError.self) { try readRange(of: "/dev/null", from: 0, count: 1) }
  }
}
