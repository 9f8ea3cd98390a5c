// The times of all ranks, kept by rank 0: means of the whole attempt for the table at the end, and the last steps, which show who
// is slow now.

import Cluster

/// A rank's row in the table: means of a step, seconds.
public struct RankRow: Codable, Sendable, Equatable {
  public var rank: Int
  public var host: String
  public var lanes: Int
  public var load: Double
  public var compute: Double
  public var wait: Double

  package init(rank: Int, host: String, lanes: Int, load: Double, compute: Double, wait: Double) {
    (self.rank, self.host, self.lanes) = (rank, host, lanes)
    (self.load, self.compute, self.wait) = (load, compute, wait)
  }

  /// The part of its time for which the rank waits, 0...1; 0 where the times, which may be read from a file, are no numbers.
  var waitShare: Double {
    let share = wait / max(load + compute + wait, .leastNormalMagnitude)
    return share >= 0 && share <= 1 ? share : 0
  }
}

/// The times in the ranks' control words.
package struct RankHistory {
  /// The number of steps from which slow ranks are found.
  package static let window = 50

  /// The host of each rank.
  let hosts: [String]
  let lanes: [Int]
  private var totals: [RankSeconds]
  private(set) var steps = 0
  /// The last steps, [step][rank], at most `window`, and how long each took from beginning to end, seconds.
  private(set) var recent: [[RankSeconds]] = []
  private(set) var recentSeconds: [Double] = []

  package init(hosts: [String], lanes: [Int]) {
    (self.hosts, self.lanes) = (hosts, lanes)
    totals = hosts.map { _ in RankSeconds() }
  }

  package mutating func add(_ step: [RankSeconds], seconds: Double) {
    steps += 1
    for (rank, seconds) in step.enumerated() {
      totals[rank].load += seconds.load
      totals[rank].compute += seconds.compute
      totals[rank].wait += seconds.wait
    }
    recent = recent.suffix(Self.window - 1) + [step]
    recentSeconds = recentSeconds.suffix(Self.window - 1) + [seconds]
  }

  /// Means of all steps.
  package var rows: [RankRow] { rows(totals, steps: steps) }

  /// Means of the last steps.
  var recentRows: [RankRow] {
    let sums = hosts.indices.map { rank in
      RankSeconds(
        load: recent.reduce(0) { $0 + $1[rank].load }, compute: recent.reduce(0) { $0 + $1[rank].compute },
        wait: recent.reduce(0) { $0 + $1[rank].wait })
    }
    return rows(sums, steps: recent.count)
  }

  private func rows(_ sums: [RankSeconds], steps: Int) -> [RankRow] {
    let count = Double(max(1, steps))
    return hosts.indices.map { rank in
      RankRow(
        rank: rank, host: hosts[rank], lanes: lanes[rank], load: sums[rank].load / count, compute: sums[rank].compute / count,
        wait: sums[rank].wait / count)
    }
  }
}

/// A table of ranks, one line each.
func rankTable(_ rows: [RankRow]) -> [String] {
  let width = max(4, rows.map(\.host.count).max() ?? 0)
  func padded(_ text: String, _ width: Int) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }
  func number(_ value: Double, _ width: Int) -> String {
    let text = value.formatted(decimals: 4)
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }
  return ["rank  \(padded("host", width))  lanes   load s  compute s   wait s  waits"]
    + rows.map { row in
      "\(padded(String(row.rank), 4))  \(padded(row.host, width))  \(padded(String(row.lanes), 5))\(number(row.load, 9))"
        + "\(number(row.compute, 11))\(number(row.wait, 9))  \(Int((100 * row.waitShare).rounded())) %"
    }
}
