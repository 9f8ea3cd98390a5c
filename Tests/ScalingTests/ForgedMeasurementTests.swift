// Measurements and lane times that were changed by hand: a report counts only with numbers that a measurement can have.

import Foundation
import TestSupport
import Testing

import Scaling

@Suite(.timeLimit(.minutes(3))) struct ForgedMeasurementTests {
  private let wrong = [
    "0", "-1", "1e-300", "1e300", "1e400", "2147483648", "9223372036854775807", "18446744073709551616", "null", "[]", "\"x\"",
  ]

  private func line(kind: String, nodes: Int, repetition: Int, study: String) -> String {
    let identity =
      #"{"configuration":"c","binary":["b"],"hosts":["h"],"machines":1,"mcaParameters":{},"blasCore":["x"],"threads":1}"#
    let row = { (bytes: Int) in
      #"{"element":"Float","bytes":\#(bytes),"seconds":[0.001,0.002],"minimum":0.001,"mean":0.0015,"maximum":0.002}"#
    }
    let messages = #""allreduce":{"ranks":\#(nodes),"rows":[\#(row(4096)),\#(row(1_048_576))],"addSecondsPerByte":1e-10},"#
    let step = #"{"wall":\#(1.5 + 0.01 * Double(repetition)),"compute":1,"wait":0.25,"exposed":0.125,"input":0.125}"#
    let isSteps = kind != "allreduce"
    return
      #"{"point":{"kind":"\#(kind)","nodes":\#(nodes),"ranks":\#(nodes),"lanes":\#(isSteps ? 4 : 0),"repetition":\#(repetition)},"#
      + #""evidence":"emulated","study":"\#(study)","started":"2026-01-01T00:00:00Z","seconds":9.5,"dilation":1.25,"command":"c","#
      + #""run":{"isReplay":true,"steps":[\#(isSteps ? step : "")],"averagedBytes":4000,"buckets":2,"backwardSeconds":0.5,"#
      + #"\#(isSteps ? "" : messages)"identity":\#(identity)}}"#
  }

  @Test func numbersOfALine() throws {
    try withTemporaryFolder { folder in
      try "data: d\noutput: o\n".write(toFile: folder + "/run.yaml", atomically: true, encoding: .utf8)
      let yaml = "output: \(folder)/study\nrun: \(folder)/run.yaml\nnodes: [1, 2]\nstrong: 4\nallreduce: [4K, 1M]\n"
      let study = try Study(yaml: yaml, source: "s"), hash = try study.settingsHash(), path = folder + "/study/measurements.jsonl"
      try FileManager.default.createDirectory(atPath: folder + "/study", withIntermediateDirectories: true)
      let good = (1...5).flatMap { repetition in
        [1, 2].map { line(kind: "strong", nodes: $0, repetition: repetition, study: hash) }
          + [line(kind: "allreduce", nodes: 2, repetition: repetition, study: hash)]
      }
      func write(_ lines: [String]) throws {
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
      }
      try write(good)
      #expect(try study.remaining().points.isEmpty)
      _ = try ScalingReport(study).write()

      var refused = 0
      for number in [1, 2] {
        for range in numbers(inJSON: good[number]) {
          for value in wrong {
            try write([good[number].replacingCharacters(in: range, with: value)] + good)
            do {
              let measured = try study.remaining().measured
              // A line that is no measurement at all counts as none.
              if measured.count > good.count, let report = try? ScalingReport(study) {
                _ = (report.modelText, try report.write())
              }
            } catch {
              refused += 1
              #expect("\(error)".contains("Line 1 of \(path)"), "\(value): \(error)")
            }
          }
        }
      }
      #expect(refused > 60, "impossible numbers are named: \(refused)")
      for list in [#""rows":[]"#, #""steps":[]"#] {
        let kind = list.contains("rows") ? "allreduce" : "strong", whole = line(kind: kind, nodes: 2, repetition: 1, study: hash)
        let range = try #require(whole.firstRange(of: try Regex(#""\#(kind == "strong" ? "steps" : "rows")":\[.*?\}\]"#)))
        try write([whole.replacingCharacters(in: range, with: list)])
        #expect(throws: ScalingError.self) { try study.remaining() }
      }
      unlink(path)
      try #require(mkfifo(path, 0o600) == 0)
      #expect { try study.remaining() } throws: { "\($0)".contains("named pipe") }
    }
  }

  @Test func laneTimes() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/lanes.json"
      try LaneTrace(source: "s", reduction: "exact", arrays: [10, 20], lanes: [LaneTime(forward: 0.5, backward: 0.25)]).write(
        to: path)
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(try LaneTrace(path: path).averagedValues == 30)
      for range in numbers(inJSON: text) {
        for value in wrong {
          try text.replacingCharacters(in: range, with: value).write(toFile: path, atomically: true, encoding: .utf8)
          do {
            let trace = try LaneTrace(path: path)
            #expect(trace.averagedValues > 0 && trace.medianLane < 1e6, "\(value)")
          } catch { #expect("\(error)".hasPrefix(path), "\(value): \(error)") }
        }
      }
      #expect { try LaneTrace(path: "/dev/zero") } throws: { "\($0)".contains("is a device") }
    }
  }
}
