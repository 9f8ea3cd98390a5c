// Lines as bytes: whole, cut off, damaged or without an end, each comes alone; and what people read never ends the program.

import Files
import Foundation
import TestSupport
import Testing

@Suite struct FileLinesTests {
  @Test func linesComeAsTheyAre() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/lines"
      let long = [UInt8](repeating: 7, count: 17 << 20),
        text: [UInt8] = Array("a\n\n".utf8) + [0xFF, 0, 10] + long + [10] + Array("cut".utf8)
      try Data(text).write(to: URL(fileURLWithPath: path))
      var lines: [FileLine] = []
      try forEachLine(of: path) { lines.append($0) }
      #expect(lines.map { $0.bytes.count } == [1, 0, 2, 16 << 20, 3])
      #expect(lines.map(\.isWhole) == [true, true, true, false, true])
      #expect(lines.map(\.isEnded) == [true, true, true, true, false])
      #expect(Array(lines[2].bytes) == [0xFF, 0] && Array(lines[4].bytes) == Array("cut".utf8))
      #expect(throws: FileError.self) { try forEachLine(of: folder) { _ in } }
    }
  }

  @Test func appendingFollowsNoLink() throws {
    try withTemporaryFolder { folder in
      try "kept".write(toFile: folder + "/other", atomically: false, encoding: .utf8)
      for name in ["log", "new", "new.tmp"] { symlink(folder + "/other", folder + "/" + name) }
      #expect(throws: FileError.self) { try openForAppending(folder + "/log") }
      try writeDurably(Array("text".utf8), to: folder + "/new")
      #expect(try String(contentsOfFile: folder + "/other", encoding: .utf8) == "kept")
      #expect(try String(contentsOfFile: folder + "/new", encoding: .utf8) == "text")
    }
  }
}

@Suite struct OutletTests {
  @Test func aReaderThatStandsStillIsWaitedForOnce() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let outlet = Outlet(ends[1]), text = String(repeating: "x", count: 1 << 17)
    #expect(outlet.write("seen\n") == nil)
    for _ in 0..<100 { #expect(outlet.write(text) == EAGAIN) }
    var bytes = [UInt8](repeating: 0, count: 1 << 17)
    #expect(read(ends[0], &bytes, bytes.count) > 4096)
    #expect(outlet.write("again\n") == nil, "it reads on")
    close(ends[0])
    signal(SIGPIPE, SIG_IGN)
    #expect(outlet.write("gone\n") == EPIPE)
    close(ends[1])
  }
}
