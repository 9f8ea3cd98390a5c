// The control word: one small reduction in each step, from which all ranks take the same decisions. Every lane writes its values
// into a slot of its own and every rank its times, magnitudes and hash into a row; a sum in which all other terms are zero is
// exact, so nothing that is decided here depends on the number of ranks.

import MPI

/// What any rank may ask of all.
public struct ControlFlags: OptionSet, Sendable, Hashable {
  public let rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let stop = ControlFlags(rawValue: 1)
  public static let save = ControlFlags(rawValue: 2)
  /// The run folder is no longer this run's.
  public static let lost = ControlFlags(rawValue: 4)

  static let bits = 3
}

/// One rank's report of a step.
public struct ControlWord: Sendable {
  public var flags: ControlFlags = []
  /// The parts of this rank's time in the step.
  public var times = RankSeconds()
  /// The greatest magnitude in each average of the step, as the bits of a Float; as many on every rank.
  public var largestBits: [Int32] = []
  /// Whether this rank's lanes gave each array of the averages a gradient; as many on every rank.
  public var presentArrays: [Bool] = []
  /// The hash of the state before the step, at the steps at which all ranks pass one.
  public var replicaHash: UInt64?
  private let lanes: Int
  private let valuesPerLane: Int
  /// [lanes, valuesPerLane]
  private var values: [Double]

  public init(lanes: Int, valuesPerLane: Int) {
    (self.lanes, self.valuesPerLane) = (lanes, valuesPerLane)
    values = [Double](repeating: 0, count: lanes * valuesPerLane)
  }

  /// The values of one of this rank's lanes: losses, counts.
  public mutating func set(_ laneValues: [Double], lane: Int) {
    guard laneValues.count == valuesPerLane, lane < lanes else {
      fatalError("ControlWord.set: \(laneValues.count) values for lane \(lane) of \(lanes) with \(valuesPerLane) values each")
    }
    // Adding zero turns -0 into 0, which is what the sum over several ranks gives.
    for (index, value) in laneValues.enumerated() { values[lane * valuesPerLane + index] = value + 0 }
  }

  /// Combines the reports of all ranks. Collective.
  public func exchange(over communicator: borrowing Communicator) throws(ClusterError) -> ControlSummary {
    let flagSlots = (0..<ControlFlags.bits).map { Double(flags.rawValue >> UInt8($0) & 1) }
    // Halves of a hash are exact in a Double, the whole is not.
    let hashSlots = replicaHash.map { [Double($0 >> 32), Double($0 & 0xFFFF_FFFF)] } ?? []
    let row = times.row + hashSlots + largestBits.map { Double($0) }
    var rows = [Double](repeating: 0, count: communicator.size * row.count)
    for (index, value) in row.enumerated() { rows[communicator.rank * row.count + index] = value }
    var message = flagSlots + presentArrays.map { $0 ? 1 : 0 } + rows + values
    try clustered { () throws(MPIError) in try communicator.allreduce(&message, .sum) }
    let present = message.dropFirst(ControlFlags.bits).prefix(presentArrays.count)
    let received = (0..<communicator.size).map { message.dropFirst(present.endIndex + $0 * row.count).prefix(row.count) }
    return ControlSummary(
      flags: ControlFlags(rawValue: (0..<ControlFlags.bits).reduce(0) { $0 | (message[$1] > 0 ? 1 << UInt8($1) : 0) }),
      laneValues: (0..<lanes).map { Array(message.suffix(values.count).dropFirst($0 * valuesPerLane).prefix(valuesPerLane)) },
      times: received.map { RankSeconds(row: $0.prefix(RankSeconds.slots)) },
      replicaHashes: replicaHash == nil
        ? []
        : received.map { row in
          let halves = row.dropFirst(RankSeconds.slots).prefix(2).map { UInt64($0) }
          return halves[0] << 32 | halves[1]
        },
      largestBits: largestBits.indices.map { index in
        Int32(received.map { $0[$0.endIndex - largestBits.count + index] }.max()!)
      }, presentArrays: present.map { $0 > 0 })
  }
}

/// All ranks' reports of a step, combined; the same on each.
public struct ControlSummary: Sendable, Equatable {
  /// Every flag that any rank raised.
  public let flags: ControlFlags
  /// [lanes][valuesPerLane]
  public let laneValues: [[Double]]
  /// The parts of each rank's time, by rank.
  public let times: [RankSeconds]
  /// The hash of each rank's state; empty if the step had none.
  public let replicaHashes: [UInt64]
  /// The greatest of all ranks for each average.
  public let largestBits: [Int32]
  /// Whether any lane gave each array of the averages a gradient.
  public let presentArrays: [Bool]

  /// The rank that worked longest, for which the others waited.
  public var slowestRank: Int { times.indices.max { times[$0].work < times[$1].work } ?? 0 }

  /// The sum of value `index` over the lanes, in lane order.
  public func sum(_ index: Int) -> Double { laneValues.reduce(0) { $0 + $1[index] } }
}
