// A real Slurm and a LAN of separate hosts on this machine, where they can be made: the shortest of what `make check-cluster` does.

import Foundation
import TestSupport
import Testing

private let checks = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("checks").path

/// Why a bench cannot be made here; nil if it can.
private func missing(_ bench: String) -> String? {
  guard let (code, text) = try? bash(". \(checks)/\(bench)-bench.bash; \(bench)_missing"), code == 0 else { return nil }
  return text.trimmingCharacters(in: .whitespacesAndNewlines)
}

private let slurmIsMissing = missing("slurm")
private let lanIsMissing = missing("lan")

@Suite(.serialized) struct ClusterMachineTests {
  @Test(.enabled(if: slurmIsMissing == nil, "no Slurm here: \(slurmIsMissing ?? "")"), .timeLimit(.minutes(4)))
  func aRequeuedRunEndsInTheSameBytes() throws {
    let (code, text) = try bash("STEPS=60 exec \(checks)/slurm.sh requeue alone", limit: 200)
    #expect(code == 0, "\(text)")
    #expect(text.contains("ok requeue") && text.contains("ok alone"))
  }

  @Test(.enabled(if: lanIsMissing == nil, "no separate hosts here: \(lanIsMissing ?? "")"), .timeLimit(.minutes(4)))
  func theDoctorFindsTheNetworkOfTwoHosts() throws {
    let (code, text) = try bash("exec \(checks)/lan.sh shared", limit: 200)
    #expect(code == 0, "\(text)")
    #expect(text.contains("ok shared"))
  }
}

/// Runs a line of bash with the built programs first on the PATH; it is ended after `seconds`.
private func bash(_ line: String, limit seconds: Int = 20) throws -> (code: Int32, text: String) {
  try runProgram(["timeout", "--kill-after=20", "\(seconds)", "bash", "-c", line], environment: ["COHORT_FOLDER": builtFolder])
}
