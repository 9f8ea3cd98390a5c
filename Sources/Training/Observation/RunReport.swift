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
    /// Steps done at its beginning, and at its last event.
    public let firstStep: Int
    public let lastStep: Int
    /// Nil: killed, or still running.
    public let code: Int32?
    public let message: String?

    /// A sentence on where it ran, how far it came, and how it ended.
    var course: String {
      let end = code.map { "code \($0)" } ?? "no end: killed, or still running"
      guard ranks > 0 else { return "refused, \(end)" }
      let names = Set(hosts).sorted(), shown = names.prefix(4).joined(separator: ", ") + (names.count > 4 ? ", …" : "")
      return "\(ranks) rank\(ranks == 1 ? "" : "s") on \(shown)  steps \(firstStep) to \(lastStep)  \(end)"
    }
  }
  public let run: String
  public let totalSteps: Int
  public let attempts: [Attempt]
  public let saves: Int
  public let failedSaves: Int
  /// Seconds of all attempts, each from its start to its last event, times the threads of all its ranks.
  public let coreSeconds: Double
  /// Mean of all saves, seconds.
  public let saveSeconds: Double?
  public let lastDice: Double?
  /// The number of steps in which all waited for each rank, of those that metrics.jsonl holds.
  public let slowestSteps: [Int: Int]
  /// Means of a step on each rank: of the last steps while the run goes on, else of the last attempt that came to an end.
  public let ranks: [RankRow]
  /// Libraries and checksums of the last start, and what must be known of the scores.
  public let versions: [String: String]
  public let caveat: String?
  /// What could not be read of the files, a sentence each.
  public let warnings: [String]

  /// - Parameter run: the run folder.
  public init(run: String) throws {
    self.run = run
    let (events, damaged): ([Event], Int)
    do { (events, damaged) = try EventLog.read(folder: run) } catch {
      throw TrainingError("\(error) Name the run folder of `cohort train`.")
    }
    totalSteps = events.last { $0.totalSteps != nil }?.totalSteps ?? 0
    attempts = Dictionary(grouping: events, by: \.attempt).sorted { $0.key < $1.key }.map { number, group in
      // An attempt that is refused has an end only.
      let start = group.first { $0.event == .start }, end = group.last { $0.event == .end }
      return Attempt(
        number: number, started: group[0].time, ranks: start?.ranks ?? 0, hosts: start?.hosts ?? [], firstStep: start?.step ?? 0,
        lastStep: group.map(\.step).max() ?? 0, code: end?.code, message: end?.message)
    }
    guard !attempts.isEmpty else { throw TrainingError("\(EventLog.path(run)) holds no events: name another run folder.") }
    coreSeconds = Dictionary(grouping: events, by: \.attempt).values.reduce(0) { $0 + Self.coreSeconds($1) }
    let saved = events.filter { $0.event == .save }
    saves = saved.count
    failedSaves = events.count { $0.event == .saveFailed }
    saveSeconds = saved.isEmpty ? nil : saved.reduce(0) { $0 + ($1.seconds ?? 0) } / Double(saved.count)
    lastDice = events.last { $0.event == .validation }?.dice
    var steps: [Int: Int] = [:]
    let metricsWarning = try? MetricsFile.forEachLine(ofRun: run) { line in
      guard line.kind == "step", let rank = line.numbers["slowestRank"].flatMap({ Int(exactly: $0) }) else { return }
      steps[rank, default: 0] += 1
    }
    slowestSteps = steps
    let eventsWarning =
      damaged == 0 ? nil : "\(EventLog.path(run)) has \(counted(damaged, "line")) that cannot be read, which are left out."
    warnings = [eventsWarning, metricsWarning].compactMap { $0 }
    let start = events.last { $0.event == .start }
    (versions, caveat) = (start?.versions ?? [:], start?.caveat)
    let isOver = attempts[attempts.count - 1].code != nil, newest = isOver ? [] : MetricsPage.rows(ofRun: run)
    ranks = newest.isEmpty ? events.last { $0.times != nil }?.times ?? [] : newest
  }

  /// Of the events of one attempt.
  private static func coreSeconds(_ events: [Event]) -> Double {
    guard let start = events.first(where: { $0.event == .start }) else { return 0 }
    let times = [start, events[events.count - 1]].compactMap {
      try? Date($0.time, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
    return times.count < 2 ? 0 : times[1].timeIntervalSince(times[0]) * Double((start.ranks ?? 1) * (start.threads ?? 1))
  }

  public var text: String {
    var lines = ["run          \(run), \(totalSteps) steps"]
    for attempt in attempts {
      lines.append("attempt \(attempt.number)    \(attempt.started)  \(attempt.course)")
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
