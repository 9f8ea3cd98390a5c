// Flight records of which bytes were changed: the table is printed, or the file is refused by one sentence.

import Cluster
import Foundation
import TestSupport
import Tensors
import Testing

@Suite(.timeLimit(.minutes(2))) struct ForgedFlightTests {
  @Test func wordsOfTheFile() throws {
    try withTemporaryFolder { folder in
      // A copy: the recorder has its own file mapped into memory.
      let recorder = try FlightRecorder(run: folder + "/flown", rank: 0, ranks: 1, host: "lab1"),
        path = folder + "/flight/rank-0000.bin"
      for step in 1...40 { recorder.mark(.load, step: step, detail: "lane \(step % 7)") }
      try FileManager.default.copyItem(atPath: folder + "/flown/flight", toPath: folder + "/flight")
      let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))), key = RandomKey(9)
      #expect(try flightTable(ofRun: folder, all: true).contains("load"))
      // The header and the first records, where something stands.
      let used = whole.indices.filter { whole[$0] != 0 }
      var refused = 0
      for trial in 0..<UInt64(600) {
        var bytes = whole
        let place = used[key.integer(3 * trial, below: used.count)] & ~7
        let words: [UInt64] = [
          0, .max, 1 << 63, Double.nan.bitPattern, Double.infinity.bitPattern, (1e300).bitPattern, key.hash(3 * trial + 1),
        ]
        withUnsafeBytes(of: words[Int(trial % 7)]) {
          for (offset, byte) in $0.enumerated() where place + offset < bytes.count { bytes[place + offset] = byte }
        }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        do {
          _ = try flightTable(ofRun: folder, all: trial % 2 == 0)
        } catch {
          refused += 1
          #expect("\(error)".contains(path) && !"\(error)".contains("\n"))
        }
      }
      #expect(refused > 100)
      unlink(path)
      try #require(mkfifo(path, 0o600) == 0)
      #expect { try flightTable(ofRun: folder, all: false) } throws: { "\($0)".contains("named pipe") }
    }
  }
}
