// Records as TensorFlow frames them: the checksum of the standard, and files cut off where a record is not wanted or not whole.

import Files
import Foundation
import TestSupport
import Testing

@Suite struct RecordFileTests {
  let folder = TemporaryFolder()
  var path: String { folder.path + "/records" }

  @Test func theChecksumIsThatOfTheStandard() {
    #expect(crc32c(of: Array("123456789".utf8)) == 0xE306_9283)
    // RFC 3720, B.4: 32 bytes of zeros.
    #expect(crc32c(of: [UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
  }

  func write(_ records: [[UInt8]], tail: [UInt8] = []) throws {
    try Data(records.flatMap(RecordFile.frame) + tail).write(to: URL(fileURLWithPath: path))
  }

  @Test func cuttingKeepsWholeRecordsBeforeTheFirstUnwantedOne() throws {
    let records = (1...5).map { [UInt8](repeating: $0, count: 40 * Int($0)) }
    try write(records)
    let whole = try readAll(path)
    try RecordFile.cut(path) { $0.count == 32 && $0.first! <= 9 }
    #expect(try readAll(path) == whole, "all are wanted")
    try RecordFile.cut(path) { $0.first! < 4 }
    #expect(try readAll(path) == records.prefix(3).flatMap(RecordFile.frame))
  }

  @Test(arguments: [[], [7], [UInt8](repeating: 0, count: 30), [UInt8](RecordFile.frame([1, 2, 3]).dropLast())])
  func whatIsNotWholeIsCutOff(tail: [UInt8]) throws {
    try write([[1], []], tail: tail)
    try RecordFile.cut(path) { _ in true }
    #expect(try readAll(path) == RecordFile.frame([1]) + RecordFile.frame([]))
  }

  @Test func appendedRecordsAreFramed() throws {
    let file = try RecordFile(path)
    file.append([1, 2])
    file.append([3])
    #expect(try readAll(path) == RecordFile.frame([1, 2]) + RecordFile.frame([3]))
  }
}
