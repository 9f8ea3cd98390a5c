// metrics.jsonl read back.

import Foundation
import TestSupport
import Testing
import Training

@Suite struct MetricsFileTests {
  @Test func linesAreReadWithoutTheOneThatWasCutOff() throws {
    try withTemporaryFolder { folder in
      let text = """
        {"kind":"step","loss":"inf","step":1,"waitSeconds":0.25}
        {"dice":0.5,"kind":"trainingFit","step":1}
        {"kind":"step","step":2}
        {"kind":"step","ste
        """
      try text.write(toFile: folder + "/metrics.jsonl", atomically: true, encoding: .utf8)
      let file = try MetricsFile(run: folder)
      #expect(file.lines.map(\.kind) == ["step", "trainingFit", "step"] && file.lines[1].numbers == ["dice": 0.5, "step": 1])
      #expect(file.steps == [["step": 1, "waitSeconds": 0.25], ["step": 2]])
    }
  }

  @Test func aFolderWithoutMetricsIsNamed() {
    let error = #expect(throws: TrainingError.self) { try MetricsFile(run: "/nowhere") }
    #expect(error?.description.contains("/nowhere/metrics.jsonl") == true)
  }
}
