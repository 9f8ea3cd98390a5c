// What a run records about itself, piece by piece: who is slow, events that survive, a page that Prometheus reads, traces on one
// clock.

import Cluster
import Foundation
import TestSupport
import Testing
import Training

@Suite struct SlowRankTests {
  /// A full window of steps; the ranks' own times with a little noise that repeats, waits up to the slowest.
  func history(_ ranks: [RankSeconds], lanes: [Int]? = nil, steps: Int = RankHistory.window) -> RankHistory {
    var history = RankHistory(hosts: ranks.indices.map { "node\($0)" }, lanes: lanes ?? ranks.map { _ in 1 })
    for step in 0..<steps {
      let slowest = ranks.map(\.work).max()!
      history.add(
        ranks.enumerated().map { rank, seconds in
          let noise = 1 + 0.02 * Double((step * 7 + rank * 3) % 5 - 2)
          return RankSeconds(load: seconds.load * noise, compute: seconds.compute * noise, wait: slowest - seconds.work + 0.01)
        }, seconds: slowest)
    }
    return history
  }

  @Test func aSlowHostIsNamedOnceWithWhatItCosts() throws {
    let usual = RankSeconds(load: 0.01, compute: 0.99)
    let found = SlowRank.find(in: history([usual, usual, usual, RankSeconds(load: 0.01, compute: 1.78)]))
    let slow = try #require(found.first)
    #expect(found.count == 1 && slow.rank == 3 && slow.host == "node3" && slow.cause == .computing)
    #expect(abs(slow.ratio - 1.8) < 0.05 && abs(slow.othersWait - 0.44) < 0.02)
    #expect(slow.warning.contains("rank 3 on node3 computes 1.8 times as long") && slow.warning.contains("wait 44 % of the time"))
  }

  @Test func slowDisksAreDistinguishedFromSlowProcessors() throws {
    let usual = RankSeconds(load: 0.1, compute: 0.9)
    let found = SlowRank.find(in: history([usual, RankSeconds(load: 0.8, compute: 0.9), usual]))
    #expect(found.map(\.rank) == [1] && found.first?.cause == .loading)
    #expect(found.first?.warning.contains("loads volumes 8.0 times") == true)
  }

  @Test func twoRanksCanBeCompared() {
    let found = SlowRank.find(in: history([RankSeconds(compute: 2), RankSeconds(compute: 1)]))
    #expect(found.map(\.rank) == [0])
  }

  @Test func ranksOfSimilarSpeedAreNotNamed() {
    let usual = RankSeconds(load: 0.01, compute: 1)
    #expect(
      SlowRank.find(in: history([usual, usual, RankSeconds(load: 0.01, compute: 1.1)])) == [], "a tenth is nobody's concern")
    #expect(SlowRank.find(in: history([usual, RankSeconds(compute: 2)], lanes: [1, 2])) == [], "two lanes take twice as long")
    #expect(SlowRank.find(in: history([usual, RankSeconds(compute: 9)], steps: RankHistory.window - 1)) == [], "too early")
    #expect(SlowRank.find(in: history([usual])) == [], "one rank waits for nobody")
    // A lab of all kinds of machines: the last is far above the median, but so are others.
    let mixed = [1.0, 1.3, 1.6, 1.9, 2.2].map { RankSeconds(compute: $0) }
    #expect(SlowRank.find(in: history(mixed)) == [])
  }

  @Test func rowsAreMeansOfAllSteps() {
    let rows = history([RankSeconds(load: 1, compute: 3), RankSeconds(load: 1, compute: 1)], steps: 70).rows
    #expect(rows.count == 2 && abs(rows[0].compute - 3) < 0.01 && abs(rows[1].load - 1) < 0.01 && abs(rows[1].wait - 2.01) < 1e-9)
  }
}

@Suite struct EventTests {
  @Test func eventsAreNeverLostAndAttemptsAreCounted() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/events.jsonl"
      for attempt in 1...3 {
        let log = try #require(EventLog(folder: folder))
        #expect(log.attempt == attempt)
        log.append(Event(.start, step: 10 * attempt, attempt: log.attempt))
        // A power cut in the middle of a line.
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(#"{"event":"save","st"#.utf8))
      }
      _ = EventLog(folder: folder)
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      let (events, damaged) = try EventLog.read(folder: folder)
      #expect(events.map(\.step) == [10, 20, 30] && damaged == 3)
      #expect(data.split(separator: UInt8(ascii: "\n")).count == 6)
    }
    #expect(EventLog(folder: "/nowhere") == nil)
  }
}

@Suite struct MetricsPageTests {
  @Test func thePageIsReadByAStrictParser() throws {
    var page = MetricsPage()
    page.run = "runs/a \"b\"\\c\nd"
    (page.step, page.totalSteps, page.loss) = (7, 10, .infinity)
    page.rows = [RankRow(rank: 0, host: "n0", lanes: 1, load: 1e-7, compute: 2, wait: 0)]
    let samples = try PrometheusText(page.text).samples
    #expect(samples["cohort_step"] == [["run": page.run]: 7])
    #expect(samples["cohort_loss"] == [["run": page.run]: .infinity])
    #expect(samples["cohort_validation_dice"] == nil, "what is not known is left out")
    #expect(samples["cohort_rank_load_seconds"] == [["run": page.run, "rank": "0", "host": "n0"]: 1e-7])
    #expect(samples["cohort_slowest_rank"] == [["run": page.run]: 0])
  }

  @Test(arguments: [
    "cohort_x 1\n", "# HELP a b\n# TYPE a gauge\na 1", "# HELP a b\n# TYPE a gauge\na{x=\"1\"} 1\na{x=\"1\"} 2\n",
    "# HELP a b\n# TYPE a gauge\na one\n", "# HELP a b\n# TYPE a gauge\na{x=1} 1\n",
  ])
  func theParserIsStrict(_ text: String) {
    #expect(throws: PrometheusText.Refused.self) { try PrometheusText(text) }
  }
}

@Suite struct TraceMergeTests {
  /// Two ranks meet in a collective; rank 1's clock is an hour ahead and runs 100 parts in a million too fast.
  @Test func spansOfACollectiveOverlapOnceClocksAreAligned() throws {
    func wrong(_ time: Double) -> Double { 3600 + time * 1.0001 }
    func sample(_ time: Double) -> ClockSample { ClockSample(time: wrong(time), offset: time - wrong(time), roundTrip: 1e-5) }
    let first = TracePart(
      rank: 0, ranks: 2, host: "a", attempt: 1,
      clock: [ClockSample(time: 100, offset: 0, roundTrip: 0), ClockSample(time: 200, offset: 0, roundTrip: 0)],
      traceEvents: [
        .span("forward", from: 110, to: 150, step: 1, rank: 0), .span("average", from: 150, to: 160, step: 1, rank: 0),
      ])
    let second = TracePart(
      rank: 1, ranks: 2, host: "b", attempt: 1, clock: [sample(100), sample(200)],
      traceEvents: [
        .span("forward", from: wrong(110), to: wrong(159), step: 1, rank: 1),
        .span("average", from: wrong(159), to: wrong(160), step: 1, rank: 1),
      ])
    let merged = MergedTrace([second, first]).traceEvents
    let average = merged.filter { $0.name == "average" }
    #expect(average.map(\.pid) == [0, 1])
    for (event, (start, end)) in zip(average, [(40.0, 50.0), (49, 50)]) {
      #expect(abs(event.ts - start * 1e6) < 1 && abs(event.ts + event.dur - end * 1e6) < 1, "\(event)")
    }
    #expect(merged.first { $0.name == "process_name" && $0.pid == 1 }?.args.name == "rank 1 on b")
    #expect(merged.filter { $0.ph == "X" }.map(\.ts).min() == 0)
  }
}
