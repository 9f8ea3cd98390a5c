// Failures: all ranks learn the same cause, the job ends at once with the documented code, one run folder has one writer.

import Cluster
import TestSupport
import Testing

@Suite struct FailureTests {
  @Test(arguments: 1...4)
  func ranksAgreeOnOneError(ranks: Int) throws {
    let run = try mpirun(ranks, ["agreement"])
    #expect(run.status == 0, "\(run.output)")
  }

  @Test func oneRanksFailureEndsAllWithItsCode() throws {
    let run = try mpirun(3, ["abort"])
    #expect(run.status == ExitCode.rankLost.rawValue)
    #expect(run.output.components(separatedBy: "the disk is on fire").count == 2)
    #expect(run.output.contains("rank 2 of 3 on "))
  }

  @Test func sharedErrorsAreReportedOnce() throws {
    let run = try mpirun(3, ["shared-failure"])
    #expect(run.status == ExitCode.storage.rawValue)
    #expect(run.output.components(separatedBy: "everybody sees this").count == 2)
  }

  @Test func exitCodesAreTheDocumentedOnes() {
    #expect(ExitCode.allCases.map(\.rawValue) == [0, 3, 4, 75, 76, 77, 78, 79])
  }

  @Test func leasesExcludeEachOtherAndEndWithTheirHolder() throws {
    let folder = TemporaryFolder()
    var lease: RunLease? = try RunLease(folder: folder.path)
    #expect(lease?.isHeld == true)
    let error = #expect(throws: ClusterError.self) { try RunLease(folder: folder.path) }
    #expect(error?.description.contains("process") == true)
    lease = nil
    _ = try RunLease(folder: folder.path)
    #expect(throws: ClusterError.self) { try RunLease(folder: folder.path + "/missing") }
  }
}
