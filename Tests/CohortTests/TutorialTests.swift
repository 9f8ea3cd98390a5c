// The tutorial's commands run one after the other as they stand on the page, on less data and for fewer steps.

import Foundation
import TestSupport
import Testing

@Suite struct TutorialTests {
  /// What is put behind commands so that they take seconds: of two values the last counts.
  private let shorter = [
    "synthesize": "--subjects 4",
    "train": "steps=2 network.base=2 'patch=[16, 16, 32]' registration.templates=0 validation.every=0",
  ]

  @Test func everyCommandOfThePageRuns() throws {
    try withTemporaryFolder { folder in
      let commands = try commands(), script = (["set -ex", "cd \(folder)"] + commands.map(shortened)).joined(separator: "\n")
      #expect(commands.count { $0.contains("cohort ") } > 8, "\(commands)")
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      let (code, text) = try runProgram(
        ["bash", "-c", script],
        environment: [
          "PATH": "\(builtFolder):\(path)", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
          "OMPI_MCA_rmaps_base_oversubscribe": "1",
        ])
      #expect(code == 0, "\(text)")
      for file in ["phantoms.yaml", "few.html", "predictions/few/quality.csv", "pictures/subject_0003.png"] {
        #expect(FileManager.default.fileExists(atPath: "\(folder)/tutorial/\(file)"), "\(file)")
      }
    }
  }

  /// The indented lines of the page, without those that build the program and put it on the PATH.
  private func commands() throws -> [String] {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Sources/cohort/TUTORIAL.md")
    return try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("    ") }
      .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.hasPrefix("make ") && !$0.hasPrefix("export PATH") }
  }

  private func shortened(_ command: String) -> String {
    let added = shorter.first { command.contains("cohort \($0.key) ") }
    return added.map { "\(command) \($0.value)" } ?? command
  }
}
