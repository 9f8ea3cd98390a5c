// `cohort report run`: what became of a run, from its events.jsonl and metrics.jsonl: attempts, checkpoints, validations, and
// which rank was slow.

import Foundation

/// The story of a run folder.
public struct RunReport: Encodable, Sendable {
  public struct Attempt: Encodable, Sendable {
    public let number: Int
    /// UTC.
    public let started: String
    public let ranks: Int
    public let hosts: [String]
    /// Steps done at its beginning, and as far as its last event tells.
    public let firstStep: Int
    public let lastStep: Int
    /// Nil: killed, or still running.
    public let code: Int32?
    public let message: String?
  }
  public let run: String
  public let totalSteps: Int
  public let attempts: [Attempt]
  public let saves: Int
  public let failedSaves: Int
  /// Mean of all saves, seconds.
  public let saveSeconds: Double?
  public let lastDice: Double?
  /// For how many steps all waited for each rank, of those that metrics.jsonl holds.
  public let slowestSteps: [Int: Int]
  /// Means of a step on each rank, of the last attempt that came to an end.
  public let ranks: [RankRow]

  /// - Parameter run: the run folder.
  public init(run: String) throws {
    self.run = run
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: EventLog.path(run))) else {
      throw TrainingError("\(run) holds no events.jsonl: name the run folder of `cohort train`.")
    }
    let events = EventLog.events(in: data)
    let starts = events.filter { $0.event == .start }
    guard let last = starts.last else { throw TrainingError("\(EventLog.path(run)) tells of no start: name another run folder.") }
    totalSteps = last.totalSteps ?? 0
    attempts = starts.map { start in
      let own = events.filter { $0.attempt == start.attempt }, end = own.last { $0.event == .end }
      return Attempt(
        number: start.attempt, started: start.time, ranks: start.ranks ?? 1, hosts: start.hosts ?? [], firstStep: start.step,
        lastStep: own.map(\.step).max() ?? start.step, code: end?.code, message: end?.message)
    }
    let saved = events.filter { $0.event == .save }
    saves = saved.count
    failedSaves = events.count { $0.event == .saveFailed }
    saveSeconds = saved.isEmpty ? nil : saved.reduce(0) { $0 + ($1.seconds ?? 0) } / Double(saved.count)
    lastDice = events.last { $0.event == .validation }?.dice
    slowestSteps = Self.slowestSteps(run)
    ranks = events.last { $0.times != nil }?.times ?? []
  }

  private static func slowestSteps(_ run: String) -> [Int: Int] {
    struct Line: Decodable {
      let rank: Double?
      enum CodingKeys: String, CodingKey { case rank = "slowestRank" }
    }
    let data = (try? Data(contentsOf: URL(fileURLWithPath: run + "/metrics.jsonl"))) ?? Data()
    let decoder = JSONDecoder()
    let found = data.split(separator: UInt8(ascii: "\n")).compactMap { try? decoder.decode(Line.self, from: $0).rank }
    return Dictionary(grouping: found.map { Int($0) }) { $0 }.mapValues(\.count)
  }

  public var text: String {
    var lines = ["run          \(run), \(totalSteps) steps"]
    for attempt in attempts {
      let hosts = Set(attempt.hosts).sorted(), shown = hosts.prefix(4).joined(separator: ", ") + (hosts.count > 4 ? ", …" : "")
      let end = attempt.code.map { "code \($0)" } ?? "no end: killed, or still running"
      lines.append(
        "attempt \(attempt.number)    \(attempt.started)  \(attempt.ranks) rank\(attempt.ranks == 1 ? "" : "s") on \(shown)  "
          + "steps \(attempt.firstStep) to \(attempt.lastStep)  \(end)")
      if let message = attempt.message { lines.append("             \(message)") }
    }
    let seconds = saveSeconds.map { ", \($0.formatted(decimals: 2)) s each" } ?? ""
    lines.append("checkpoints  \(saves) saved\(seconds), \(failedSaves) failed")
    if let lastDice { lines.append("Dice         \(lastDice.formatted(decimals: 4)) at the last validation") }
    guard ranks.count > 1 else { return lines.joined(separator: "\n") }
    let steps = slowestSteps.values.reduce(0, +)
    if let most = slowestSteps.max(by: { $0.value < $1.value }), ranks.indices.contains(most.key) {
      let percent = Int((100 * Double(most.value) / Double(steps)).rounded())
      lines.append("slowest      rank \(most.key) on \(ranks[most.key].host), in \(percent) % of the steps")
    }
    lines.append("\na step on each rank:")
    return (lines + rankTable(ranks)).joined(separator: "\n")
  }
}
