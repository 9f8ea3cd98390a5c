// `cohort bench checkpoint|io`: what is measured adds up, nothing stays behind, and what cannot be measured is refused.

import Foundation
import TestSupport
import Testing

@Suite(.serialized) struct BenchDiskTests {
  private func json(_ output: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(output)")
  }

  @Test(arguments: [("parallel", 3), ("gather", 1)]) func checkpointsAreTimedAgainstAPlainFile(backend: String, ranks: Int) throws
  {
    try withTemporaryFolder { folder in
      let (status, output) = try mpirun(
        ranks, ["bench", "checkpoint", "--bytes", "6MB", "--folder", folder, "--repeats", "2", "--backend", backend, "--json"],
        executable: "cohort")
      try #require(status == 0, "\(output)")
      let found = try json(output)
      #expect(found["ranks"] as? Int == ranks && found["backend"] as? String == backend && found["bytes"] as? Int == 6_000_000)
      for (share, (rate, base)) in ["saveShare": ("saveRate", "writeRate"), "loadShare": ("loadRate", "readRate")] {
        let rates = [rate, base].map { found[$0] as! Double }
        #expect(rates.allSatisfy { $0 > 0 } && abs(found[share] as! Double - rates[0] / rates[1]) < 1e-9 * rates[0] / rates[1])
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test func disksAreMeasured() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try runAlone(
        ["bench", "io", "--bytes", "3MB", "--folder", folder, "--repeats", "2", "--json"], executable: "cohort")
      try #require(status == 0, "\(output)")
      let found = try json(output)
      for key in ["writeRate", "readRate", "syncSeconds", "renameSeconds"] { #expect(found[key] as! Double > 0, "\(key)") }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test(arguments: [
    (["--folder", "/nowhere"], "no such folder"), (["--bytes", "much"], "number of bytes"), (["--repeats", "0"], "from 1 to"),
    (["--bytes", "1MB", "--folder", "/proc/self"], "Cannot"),
  ]) func impossibleMeasurementsAreRefused(arguments: [String], reason: String) throws {
    for command in ["checkpoint", "io"] {
      let (status, output) = try runAlone(["bench", command] + arguments, executable: "cohort")
      #expect(status != 0 && output.contains(reason), "\(command): \(output)")
    }
  }
}
