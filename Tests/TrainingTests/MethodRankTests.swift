// Every method there is, 6 steps on one rank and on three: the same student, teacher, momentum and schedule state, byte by byte.
// All rank counts up to 8 and random interruptions are in Tests/checks/rank-counts.sh, which takes longer.

import Foundation
import Methods
import TestSupport
import Testing

@Suite(.serialized) struct MethodRankTests {
  /// The keys without which a method refuses the run.
  private static let needs = [
    "urpc": ["network.name=plainconvunet", "network.strides=2,2,2;2,2,2;2,2,2"],
    "magicnet": ["patch=[32, 32, 64]", "method.cubes=2"],
  ]

  func train(_ ranks: Int, _ method: String, in folder: String, _ overrides: [String] = []) throws {
    let file = "\(folder)/\(method).yaml"
    try TinyCohort.runFile(data: folder + "/packs", output: "\(folder)/\(method)-\(ranks)", method: method).write(
      toFile: file, atomically: true, encoding: .utf8)
    let small = ["steps=6", "network.base=1", "validation.every=0", "checkpoint.every=0", "prior.kind=atlas"]
    let arguments = ["train", file] + small + (Self.needs[method] ?? []) + overrides
    let (status, output) =
      ranks == 1
      ? try runAlone(arguments, timeout: 120, executable: "cohort")
      : try mpirun(ranks, arguments, timeout: 120, executable: "cohort")
    try #require(status == 0, "\(output)")
  }

  @Test(arguments: methodCatalog.map { $0.name }) func everyMethodEndsInTheSameBytes(method: String) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs", structures: method == "dtc" ? 1 : 2)
      for ranks in [1, 3] { try train(ranks, method, in: folder) }
      let (status, output) = try runAlone(["checkpoint-compare", "\(folder)/\(method)-1", "\(folder)/\(method)-3"])
      #expect(status == 0 && output.contains("step 6") && output.contains("difference 0.0"), "\(output)")
    }
  }

  /// On a patch whose coarsest level has more than two voxels: normalised over two, a rounding becomes a different sign, and any
  /// two runs part ways.
  @Test func theFastAverageStaysClose() throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      let gentle = ["reduction=fast", "patch=[32, 32, 32]", "lanes=4", "optimizer.learningRate=0.0001"]
      for ranks in [1, 4] { try train(ranks, "supervised", in: folder, gentle) }
      let compared = try runAlone(["checkpoint-compare", "\(folder)/supervised-1", "\(folder)/supervised-4", "1e-5"])
      #expect(compared.status == 0, "\(compared.output)")
    }
  }
}
