// Clocks of other hosts: what a ping-pong finds, and the straight line through two of them.

import Cluster
import TestSupport
import Testing

@Suite struct ClockTests {
  @Test(arguments: [1, 3]) func clockOffsetsAreEstimated(ranks: Int) throws {
    let run = try mpirun(ranks, ["clocks"])
    #expect(run.status == 0, "\(run.output)")
  }

  /// A clock that was 5 s ahead at first and goes 100 parts in a million too fast, so that it is 5.01 s ahead after 100 s.
  @Test func clockDriftIsEstimated() throws {
    let samples = [
      ClockSample(time: 1005, offset: -5, roundTrip: 1e-5), ClockSample(time: 1105.01, offset: -5.01, roundTrip: 1e-5),
    ]
    let line = try #require(ClockLine(samples))
    for (local, rankZero) in [(1005.0, 1000.0), (1055.005, 1050), (1105.01, 1100), (1205.02, 1200)] {
      #expect(abs(line.rankZeroTime(at: local) - rankZero) < 1e-9, "\(local)")
    }
    #expect(try #require(ClockLine([samples[0]])).rankZeroTime(at: 2000) == 1995, "one sample: no drift")
    #expect(ClockLine([]) == nil)
  }
}
