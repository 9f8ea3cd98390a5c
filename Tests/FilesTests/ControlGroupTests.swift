// Limits of control groups from the files in which Linux shows them, of both versions.

import Files
import Foundation
import TestSupport
import Testing

@Suite struct ControlGroupTests {
  /// Writes the files of groups below a root, each by its path.
  private func withGroups<Result>(_ files: [String: String], _ body: (_ root: String) throws -> Result) throws -> Result {
    try withTemporaryFolder { root in
      for (path, text) in files {
        let file = "\(root)/\(path)"
        try FileManager.default.createDirectory(
          atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data("\(text)\n".utf8).write(to: URL(fileURLWithPath: file))
      }
      return try body(root)
    }
  }

  @Test func everyGroupUpToTheRootMayHaveAQuota() throws {
    let files = [
      "job/step/cpu.max": "max 100000", "job/cpu.max": "250000 100000", "cpu.max": "max 100000", "other/cpu.max": "50000 100000",
    ]
    try withGroups(files) { root in
      let quotas = ControlGroups(membership: "0::/job/step\n", root: root).processorQuotas
      #expect(quotas == ["\(root)/job": 2.5])
    }
  }

  @Test func versionOneHasQuotasInMicroseconds() throws {
    let files = [
      "cpu/job/cpu.cfs_quota_us": "300000", "cpu/job/cpu.cfs_period_us": "50000", "cpu/cpu.cfs_quota_us": "-1",
      "cpu/cpu.cfs_period_us": "100000",
    ]
    try withGroups(files) { root in
      let quotas = ControlGroups(membership: "4:memory:/a\n1:cpuacct,cpu:/job\n0::/\n", root: root).processorQuotas
      #expect(quotas == ["\(root)/cpu/job": 6])
    }
  }

  /// Within a container the path is the host's, and only the root is there.
  @Test func aGroupThatCannotBeSeenIsPassedOver() throws {
    try withGroups(["cpu.max": "150000 100000"]) { root in
      #expect(ControlGroups(membership: "0::/docker/4f2a\n", root: root).processorQuotas == [root: 1.5])
    }
    #expect(ControlGroups(membership: "", root: "/nowhere").processorQuotas.isEmpty)
  }

  @Test func whatIsLeftOfTheMemoryCountsUnusedCache() throws {
    let files = [
      "job/memory.max": "4096", "job/memory.current": "3000", "job/memory.stat": "anon 7\ninactive_file 1000\nactive_file 5",
      "memory.max": "max",
    ]
    try withGroups(files) { root in #expect(ControlGroups(membership: "0::/job\n", root: root).memoryRooms == [2096]) }
  }

  private func kills(_ root: String, host: Int, _ membership: String) -> MemoryKills {
    MemoryKills(statistics: "pgfault 5\noom_kill \(host)\nswap_ra 1\n", groups: ControlGroups(membership: membership, root: root))
  }

  @Test(arguments: [
    ("0::/job/rank\n", "job/memory.events", "job/memory.max", "low 0\noom 3\noom_kill"),
    ("4:memory:/job\n", "memory/job/memory.oom_control", "memory/job/memory.limit_in_bytes", "oom_kill_disable 0\noom_kill"),
  ])
  func aKillForWantOfMemoryIsNamedWithTheLimit(_ membership: String, _ events: String, _ limit: String, _ words: String) throws {
    try withGroups([events: "\(words) 2", limit: "\(3 << 29)"]) { root in
      let before = kills(root, host: 2, membership)
      #expect(kills(root, host: 2, membership).explanation(since: before) == nil)
      try Data("\(words) 3\n".utf8).write(to: URL(fileURLWithPath: "\(root)/\(events)"))
      let text = try #require(kills(root, host: 3, membership).explanation(since: before))
      #expect(text == "killed because the memory of its job ran out (limit 1.5 GiB)")
    }
  }

  @Test func aKillWithoutALimitIsTheHosts() throws {
    try withGroups([:]) { root in
      let text = kills(root, host: 1, "0::/\n").explanation(since: kills(root, host: 0, "0::/\n"))
      #expect(text == "killed because the memory of its host or its job ran out")
    }
  }
}
