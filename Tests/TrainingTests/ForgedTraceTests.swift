// Traces and model descriptions that were changed by hand: merged or read whole, or refused by one sentence.

import Cluster
import Foundation
import TestSupport
import Testing
import Training

@Suite(.timeLimit(.minutes(1))) struct ForgedTraceTests {
  private let wrong = [
    "-1", "1", "3", "1e300", "1e400", "2147483648", "9223372036854775807", "18446744073709551616", "null", "[]", "\"x\"",
  ]

  @Test func numbersOfATrace() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/trace/rank-0000.json"
      let part = TracePart(
        rank: 0, ranks: 1, host: "a", attempt: 1, clock: [ClockSample(time: 100, offset: 0.5, roundTrip: 0.25)],
        traceEvents: [.span("forward", from: 110, to: 150, step: 1, rank: 0)])
      try FileManager.default.createDirectory(atPath: folder + "/trace", withIntermediateDirectories: true)
      let text = String(decoding: try JSONEncoder().encode(part), as: UTF8.self)
      func merge(_ text: String) throws -> Int {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try mergeTraces(run: folder, output: folder + "/merged.json").spans
      }
      #expect(try merge(text) == 1)
      for range in numbers(inJSON: text) {
        for value in wrong {
          do { _ = try merge(text.replacingCharacters(in: range, with: value)) } catch {
            #expect("\(error)".contains(folder) && !"\(error)".contains("\n"), "\(value): \(error)")
          }
        }
      }
      #expect(throws: TrainingError.self) { try merge(text.replacing("\"ranks\":1", with: "\"ranks\":9223372036854775807")) }
      #expect(throws: TrainingError.self) { try merge(String(repeating: "[", count: 100_000)) }
      unlink(path)
      try #require(mkfifo(path, 0o600) == 0)
      #expect { try mergeTraces(run: folder, output: folder + "/merged.json") } throws: { "\($0)".contains("named pipe") }
    }
  }

  @Test func descriptionsOfModels() throws {
    let text =
      #"{"method":"relif","network":"unet3d","options":{"base":"8"},"channelNames":["MRI"],"classNames":["background","a"],"#
      + #""spacing":{"depth":1,"height":1,"width":1},"preparation":"{}","patch":{"depth":32,"height":48,"width":16},"seed":7}"#
    #expect(try ModelDescription(json: text, from: "c").patch.height == 48)
    for (part, other) in [
      ("48", "49"), ("48", "0"), ("48", "-16"), ("48", "1048576"), ("48", "9223372036854775807"), ("\"depth\":1", "\"depth\":0"),
      ("\"depth\":1", "\"depth\":-1"), ("\"depth\":1", "\"depth\":1e300"), ("\"8\"", "\"0\""), ("\"8\"", "\"65537\""),
      ("unet3d", "unet4d"),
      ("base", "bass"), (#"["background","a"]"#, #"["background"]"#), (#"["MRI"]"#, "[]"),
      (#"["MRI"]"#, "[" + (0..<10_001).map { "\"\($0)\"" }.joined(separator: ",") + "]"),
      (#"["background","a"]"#, "[" + (0..<257).map { "\"\($0)\"" }.joined(separator: ",") + "]"),
    ] {
      #expect {
        try ModelDescription(json: text.replacing(part, with: other, maxReplacements: 1), from: "c")
      } throws: { "\($0)".hasPrefix("c describes") && "\($0)".count < 500 }
    }
  }

  /// What a shell hands over is the value, whatever YAML would make of it.
  @Test func pathsOfOverridesAreTakenAsTheyAre() throws {
    for path in ["runs/a #2", "runs/a: b", "*runs", "&runs", "- runs", "runs/{a}", "@runs", "%runs", "!runs", "runs\\n"] {
      let run = try RunConfiguration(yaml: "data: d\n", source: "f", overrides: ["output=\(path)"])
      #expect(run.output == path)
      #expect(try RunConfiguration(yaml: run.yaml, source: "again").output == path)
    }
    let lists = try RunConfiguration(
      yaml: "data: d\noutput: o\n", source: "f", overrides: ["patch=[16, 32, 48]", "method={name: supervised}"])
    #expect(lists.patch.width == 48 && lists.methodName == "supervised")
  }

  @Test(.timeLimit(.minutes(1))) func runFilesThatAreNoFiles() throws {
    try withTemporaryFolder { folder in
      try #require(mkfifo(folder + "/pipe", 0o600) == 0)
      try Data(count: 2 << 20).write(to: URL(fileURLWithPath: folder + "/large"))
      for (path, fragment) in [
        (folder + "/pipe", "named pipe"), ("/dev/zero", "device"), (folder, "folder"), (folder + "/none", "No such file"),
        (folder + "/large", "bytes"),
      ] {
        #expect { try RunConfiguration(file: path, overrides: []) } throws: {
          "\($0)".contains(fragment) && "\($0)".contains("cannot read")
        }
      }
    }
  }
}
