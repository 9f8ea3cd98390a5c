// The clocks of the ranks' hosts beside rank 0's, so that what happened on different hosts can be put in one order (Cristian,
// Probabilistic clock synchronization, 1989). A rank sends rank 0 a ping, receives the time and halves the round trip; the shortest
// of many is kept.

import Foundation
import MPI

public enum HostClock {
  /// Seconds since some moment of this host's past: never set back, and no other host's.
  public static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// How a rank's clock stood to rank 0's at one moment; seconds.
public struct ClockSample: Codable, Sendable, Equatable {
  /// The moment, by this rank's clock.
  public var time: Double
  /// What to add to this rank's clock to get rank 0's; at most half a round trip wrong.
  public var offset: Double
  public var roundTrip: Double

  public init(time: Double, offset: Double, roundTrip: Double) {
    (self.time, self.offset, self.roundTrip) = (time, offset, roundTrip)
  }
}

/// Compares the clocks of all ranks with rank 0's, one rank after the other, a few milliseconds each. Collective.
/// - Parameter clock: this rank's clock, seconds.
public func compareClocks(
  over communicator: borrowing Communicator, clock: () -> Double = { HostClock.seconds }
) throws(ClusterError) -> ClockSample {
  let pings = 64
  return try clustered { () throws(MPIError) in
    guard communicator.rank > 0 else {
      for rank in 1..<max(1, communicator.size) {
        for _ in 0..<pings {
          _ = try communicator.receiveNumber(from: rank)
          try communicator.send(clock(), to: rank)
        }
      }
      return ClockSample(time: clock(), offset: 0, roundTrip: 0)
    }
    var best: ClockSample?
    for _ in 0..<pings {
      let sent = clock()
      try communicator.send(sent, to: 0)
      let answer = try communicator.receiveNumber(from: 0)
      let received = clock(), roundTrip = received - sent
      if roundTrip < best?.roundTrip ?? .infinity {
        let middle = sent + roundTrip / 2
        best = ClockSample(time: middle, offset: answer - middle, roundTrip: roundTrip)
      }
    }
    return best!
  }
}

/// A rank's clock turned into rank 0's: the offset moves evenly from one sample to the other, which is what two quartzes do.
public struct ClockLine: Sendable {
  private let first: ClockSample
  /// Seconds by which the offset grows in one second.
  private let drift: Double

  /// - Parameter samples: at the beginning and at the end of what is to be aligned; one alone stands for both.
  public init?(_ samples: [ClockSample]) {
    guard let first = samples.first, let last = samples.last else { return nil }
    self.first = first
    drift = last.time > first.time ? (last.offset - first.offset) / (last.time - first.time) : 0
  }

  /// Rank 0's time at `time` of this rank, seconds.
  public func rankZeroTime(at time: Double) -> Double { time + first.offset + drift * (time - first.time) }
}
