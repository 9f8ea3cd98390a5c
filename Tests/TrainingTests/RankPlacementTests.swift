// Threads of a rank by the processors that its launcher has left to it, and the warnings where that wastes some.

import Cluster
import Foundation
import TestSupport
import Testing
import Training

@Suite struct RankPlacementTests {
  private func placement(_ processors: String, _ all: [String], launcher: String? = nil) throws -> RankPlacement {
    RankPlacement(
      thisRank: try #require(ProcessorList(processors)), all: try all.map { try #require(ProcessorList($0)) },
      launcher: try launcher.map { try #require(ProcessorList($0)) })
  }

  /// Unbound, each with its own, two to a socket, more ranks than processors, in part, three on sixteen.
  @Test(arguments: [
    ("0-15", ["0-15", "0-15", "0-15", "0-15"], 4), ("4-7", ["0-3", "4-7"], 4), ("8-15", ["0-7", "0-7", "8-15", "8-15"], 4),
    ("0-1", ["0-1", "0-1", "0-1"], 1), ("2-5", ["0-3", "2-5"], 3), ("0-15", ["0-15", "0-15", "0-15"], 5),
    ("0-2", ["0-2", "0-2", "0-2"], 1),
  ])
  func sharesOut(processors: String, all: [String], threads: Int) throws {
    #expect(try placement(processors, all).share { $0 } == threads)
  }

  /// Processor p and p + 8 are one core, as on a workstation of eight.
  @Test(arguments: [
    ("0-15", ["0-15"], 8), ("0-15", ["0-15", "0-15"], 4), ("0,8", ["0,8", "1,9"], 1), ("0-3", ["0-3", "8-11"], 2),
  ])
  func hyperThreadsDoNotCount(processors: String, all: [String], threads: Int) throws {
    #expect(try placement(processors, all).share { $0 % 8 } == threads)
  }

  /// The quota of a container for all its ranks, and one for each rank.
  @Test(arguments: [(["/job": 6.0], 6), (["/job": 6, "/job/rank-0": 1.5], 1), (["/job": 0.5], 1), (["/job": 99], 8), ([:], 8)])
  func aQuotaBoundsTheThreads(_ quotas: [String: Double], _ threads: Int) throws {
    let processors = try #require(ProcessorList("0-7")), groups: [Set<String>] = [Set(quotas.keys), []]
    let quota = RankPlacement.share(of: quotas, groupsOfRanks: groups)
    #expect(quota == quotas.values.min())
    let alone = RankPlacement(thisRank: processors, all: [processors], launcher: nil, quota: quota)
    #expect(alone.share { $0 } == threads)
    let shared = RankPlacement.share(of: quotas, groupsOfRanks: [Set(quotas.keys), ["/job"], ["/other"]])
    #expect(shared == quotas.map { $0 == "/job" ? $1 / 2 : $1 }.min())
  }

  @Test func warnsAboutThreadsBeyondTheQuota() throws {
    let processors = try #require(ProcessorList("0-7"))
    let place = RankPlacement(thisRank: processors, all: [processors], launcher: nil, quota: 2.5)
    let text = try #require(place.problem(threads: 8, chosen: true))
    #expect(text.contains("8 threads share the time of 2.5 processors") && text.contains("no faster than 2"))
    #expect(place.problem(threads: 2, chosen: true) == nil)
  }

  @Test func warnsAboutIdleProcessors() throws {
    let bound = try placement("0", ["0", "1"], launcher: "0-15")
    let text = try #require(bound.problem(threads: 1, chosen: false))
    #expect(text.contains("use 2 of 16 processors") && text.contains("--bind-to none"))
    #expect(bound.problem(threads: 1, chosen: true) == nil)
    #expect(try placement("0", ["0", "1"], launcher: "0-1").problem(threads: 1, chosen: false) == nil)
    #expect(try placement("0-3", ["0-3"]).problem(threads: 4, chosen: false) == nil)
  }

  @Test func warnsAboutMoreThreadsThanProcessors() throws {
    let bound = try #require(try placement("0", ["0"], launcher: "0-3").problem(threads: 4, chosen: true))
    #expect(bound.contains("4 threads share 1 processor ") && bound.contains("slot:PE=4"))
    let small = try #require(try placement("0-1", ["0-1"]).problem(threads: 3, chosen: true))
    #expect(small.contains("3 threads share 2 processors") && small.contains("ask for 2 at most"))
  }

  /// The command itself, on a single processor.
  @Test(arguments: [0, 1, 2]) func aRunWarnsAboutThreadsThatShareAProcessor(threads: Int) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder + "/packs")
      try TinyCohort.runFile(data: folder + "/packs", output: folder + "/run", method: "supervised").write(
        toFile: folder + "/run.yaml", atomically: true, encoding: .utf8)
      let (code, text) = try runProgram([
        "env", "-u", "OMP_NUM_THREADS", "taskset", "-c", "0", "\(builtFolder)/cohort", "train", folder + "/run.yaml", "steps=1",
        "lanes=1",
        "threads=\(threads)", "validation.every=0",
      ])
      #expect(code == 0, "\(text)")
      #expect(text.contains("1 lane on 1 rank of \(max(1, threads)) thread"), "\(text)")
      #expect(text.contains("warning: \(threads) threads share 1 processor ") == (threads > 1), "\(text)")
    }
  }
}
