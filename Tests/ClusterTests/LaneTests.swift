// Lanes: contiguous, even, complete, and shards that depend on nothing but the seed and the set of cases.

import Cluster
import Testing

@Suite struct LaneTests {
  @Test func runsAreContiguousEvenAndComplete() throws {
    for lanes in 1...13 {
      for ranks in 1...lanes {
        let plan = try LanePlan(lanes: lanes, ranks: ranks)
        let runs = (0..<ranks).map { plan.lanes(ofRank: $0, of: ranks) }
        #expect(runs.flatMap { Array($0) } == Array(0..<lanes))
        let counts = runs.map(\.count)
        #expect(counts.max()! - counts.min()! <= 1)
      }
    }
  }

  @Test func moreRanksThanLanesAreRefused() {
    let error = #expect(throws: ClusterError.self) { try LanePlan(lanes: 4, ranks: 6) }
    #expect(error?.description.contains("6 ranks") == true && error?.description.contains("4 lanes") == true)
    #expect(throws: ClusterError.self) { try LanePlan(lanes: 0, ranks: 1) }
  }

  @Test func pairsShareLanes() throws {
    for (lanes, ranks) in [(1, 2), (3, 2), (3, 4), (3, 6)] {
      let plan = try LanePlan(lanes: lanes, ranks: ranks, layout: .network),
        runs = (0..<ranks).map { plan.lanes(ofRank: $0, of: ranks) }
      for pair in 0..<ranks / 2 { #expect(runs[2 * pair] == runs[2 * pair + 1] && !runs[2 * pair].isEmpty) }
      #expect(stride(from: 0, to: ranks, by: 2).flatMap { Array(runs[$0]) } == Array(0..<lanes))
    }
    let odd = #expect(throws: ClusterError.self) { try LanePlan(lanes: 4, ranks: 3, layout: .network) }
    #expect(odd?.description.contains("even number") == true)
    let many = #expect(throws: ClusterError.self) { try LanePlan(lanes: 2, ranks: 6, layout: .network) }
    #expect(many?.description.contains("at most 4 ranks") == true)
  }

  @Test func shardsDealEveryCaseOnce() throws {
    let cases = (0..<22).map { "case \($0)" }
    let plan = try LanePlan(lanes: 4, ranks: 1)
    let shards = (0..<4).map { plan.shard(lane: $0, of: cases, seed: 7) }
    #expect(shards.map(\.count) == [6, 6, 5, 5])
    #expect(Set(shards.joined()) == Set(cases))
    #expect((0..<4).map { plan.shard(lane: $0, of: cases.reversed(), seed: 7) } == shards)
    #expect((0..<4).map { plan.shard(lane: $0, of: cases, seed: 8) } != shards)
  }

  @Test func fewCasesAreDealtAgain() throws {
    let plan = try LanePlan(lanes: 7, ranks: 1)
    let shards = (0..<7).map { plan.shard(lane: $0, of: ["a", "b", "c"], seed: 1) }
    #expect(shards.allSatisfy { $0.count == 1 })
    #expect(Set(shards.prefix(3).joined()) == ["a", "b", "c"])
    #expect(shards[3...5] == shards[0...2])
    #expect(plan.shard(lane: 3, of: [], seed: 1).isEmpty)
  }
}
