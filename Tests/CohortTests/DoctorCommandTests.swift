// `cohort doctor`, `--time-budget` and starts that went wrong, as a user meets them on one machine.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct DoctorCommandTests {
  private struct Report: Decodable {
    struct Line: Decodable {
      let verdict: String
      let what: String
      let hint: String?
    }
    let findings: [Line]
    let seconds: Double

    subscript(what: String) -> String? { findings.first { $0.what.hasPrefix(what) }?.verdict }
  }

  @Test func twoRanksOfThisHostAreExamined() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try mpirun(2, ["doctor", "--json", "--folder", folder], executable: "cohort")
      try #require(status == 0, "\(output)")
      let json = try #require(output.firstIndex(of: "{"))
      let report = try JSONDecoder().decode(Report.self, from: Data(output[json...].utf8))
      for what in [
        "ranks", "MPI library", "program", "bits of a product", "latency", "copies between", "parallel write", "signals",
      ] {
        #expect(report[what] == "ok", "\(what): \(output)")
      }
      #expect(report.findings.allSatisfy { ($0.verdict == "ok" || $0.verdict == "skipped") == ($0.hint == nil) })
      // It leaves nothing behind.
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
    }
  }

  @Test func problemsEndWithCodeFour() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try runAlone(
        ["doctor", "--data", folder + "/absent", "--folder", "/proc/absent"], executable: "cohort")
      #expect(status == 4)
      #expect(output.contains("not fit to train: 3 problems") && output.contains("-> "))
    }
  }

  @Test func hostfilesAreReadBeforeAnythingStarts() throws {
    try withTemporaryFolder { folder in
      let file = folder + "/hosts"
      let absent = try runAlone(["doctor", "--hostfile", file], executable: "cohort")
      #expect(absent.status == 3 && absent.output.contains("cannot read the hostfile"))
      try "lab1 cores=3\n".write(toFile: file, atomically: true, encoding: .utf8)
      let wrong = try runAlone(["doctor", "--hostfile", file], executable: "cohort")
      #expect(wrong.status == 3 && wrong.output.contains("lab1 cores=3"))
    }
  }

  @Test func processesThatAreAloneAreRefused() throws {
    let slurm = ["SLURM_JOB_ID": "7", "SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"]
    let first = try runAlone(["train", "absent.yaml"], environment: slurm, executable: "cohort")
    #expect(first.status == 4 && first.output.contains("srun --mpi=pmix"))
    let second = try runAlone(
      ["train", "absent.yaml"], environment: slurm.merging(["SLURM_PROCID": "1"]) { $1 }, executable: "cohort")
    #expect(second.status == 4 && second.output.isEmpty)
  }

  @Test func invalidTimesAreRefused() throws {
    let (status, output) = try runAlone(["train", "run.yaml", "--time-budget", "soon"], executable: "cohort")
    #expect(status != 0 && output.contains("--time-budget soon is no time"))
  }
}
