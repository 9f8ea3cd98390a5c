// Only plain files are read: what would wait for ever or has no end is refused by name, and sizes are checked before memory is taken.

import Files
import Foundation
import TestSupport
import Testing

@Suite struct PlainFileTests {
  /// Every way of reading a file refuses `path` with a sentence that contains `fragment`.
  private func expectRefusal(_ path: String, _ fragment: String) {
    let ways: [() throws -> Void] = [
      { _ = try fileSize(path) }, { _ = try readAll(path) }, { _ = try readText(path) },
      { _ = try readRange(of: path, from: 0, count: 1) }, { _ = try ReadableFile(path).bytes },
    ]
    for way in ways {
      #expect {
        try way()
      } throws: { "\($0)".contains(path) && "\($0)".contains(fragment) && $0 is FileError }
    }
  }

  @Test(.timeLimit(.minutes(1))) func pipesDevicesAndFoldersAreRefusedAtOnce() throws {
    try withTemporaryFolder { folder in
      try #require(mkfifo(folder + "/pipe", 0o600) == 0)
      try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: folder + "/pipe")
      expectRefusal(folder + "/pipe", "is a named pipe")
      expectRefusal(folder + "/link", "is a named pipe")
      expectRefusal(folder, "is a folder")
      expectRefusal("/dev/zero", "is a device")
      expectRefusal(folder + "/none", "No such file")
    }
  }

  @Test func sizesAreCheckedBeforeMemoryIsTaken() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/large"
      try Data("abc".utf8).write(to: URL(fileURLWithPath: path))
      #expect(try readText(path, atMost: 3) == "abc")
      // A file with a hole of 8 TiB: reading it whole would end the process.
      try #require(truncate(path, 1 << 43) == 0)
      #expect { try readAll(path, atMost: 1 << 20) } throws: { "\($0)".contains("8796093022208 bytes") }
      for (offset, count) in [(0, Int.max), (Int.max, Int.max), (1 << 43, 1), (-1, 1), (0, -1)] {
        #expect(throws: FileError.self) { try readRange(of: path, from: offset, count: count) }
      }
    }
  }

  @Test func textsAreValidUTF8() throws {
    try withTemporaryFolder { folder in
      try Data([0x61, 0xFF, 0x62]).write(to: URL(fileURLWithPath: folder + "/text"))
      #expect { try readText(folder + "/text") } throws: { "\($0)".contains("UTF-8") }
    }
  }
}
