// Clocks that are wrong by a known amount, compared over MPI.

import Cluster
import Foundation
import MPI

let clockScenarios = [Scenario(name: "clocks", run: clocks)]

/// Each rank's clock is ahead of rank 0's by hours and runs 200 parts in a million too fast; both are found out.
private func clocks(_ world: borrowing Communicator, _: [String]) throws {
  let ahead = 3600.0 * Double(world.rank), speed = 1 + 2e-4 * Double(world.rank), start = try shared(HostClock.seconds, world)
  let clock = { ahead + start + (HostClock.seconds - start) * speed }
  let before = try compareClocks(over: world, clock: clock)
  usleep(300_000)
  let after = try compareClocks(over: world, clock: clock)
  guard let line = ClockLine([before, after]) else { throw Broken(description: "no line of two samples") }
  usleep(100_000)
  let local = clock(), trueTime = (local - ahead - start) / speed + start
  // Ranks that share two cores may be kept waiting in every ping, but not for this long.
  let allowed = 3 * max(before.roundTrip, after.roundTrip) + 1e-6
  try expect(allowed < 0.05, "rank \(world.rank): round trips of \(before.roundTrip) and \(after.roundTrip) s")
  try expect(
    abs(line.rankZeroTime(at: local) - trueTime) <= allowed,
    "rank \(world.rank) is \(line.rankZeroTime(at: local) - trueTime) s off")
}

/// Rank 0's value: the hosts of this test share one clock.
private func shared(_ value: Double, _ world: borrowing Communicator) throws -> Double {
  try world.allreduce(world.rank == 0 ? value : 0, .sum)
}
