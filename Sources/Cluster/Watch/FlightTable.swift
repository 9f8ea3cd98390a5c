// `cohort flight`: what each rank did last, as a table.

import Foundation

/// The last operation of each rank, or all that are recorded.
/// - Parameter all: every operation, oldest first, rank after rank.
public func flightTable(ofRun run: String, all: Bool) throws(ClusterError) -> String {
  let logs = try FlightLog.all(ofRun: run)
  let ends = logs.flatMap(\.records).map(\.began).max() ?? 0
  var rows = [["rank", "host", "process", "state", "step", "operation", all ? "began" : "began before the last"]]
  for log in logs {
    for record in all ? log.records : log.records.suffix(1) {
      let time = all ? clockText(record.began) : String(format: "%.1f s", ends - record.began)
      rows.append([
        "\(log.header.rank)", log.header.host, "\(log.header.process)", log.state, "\(record.step)",
        record.detail.isEmpty ? record.phaseName : "\(record.phaseName) (\(record.detail))", time,
      ])
    }
  }
  let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    let cells = zip(row.dropLast(), widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
    return (cells + row.suffix(1)).joined(separator: "  ")
  }.joined(separator: "\n")
}

extension FlightLog {
  /// Whether its process has done all that it should.
  var isDone: Bool { records.last?.phase == FlightPhase.done.rawValue }

  /// Ended as it should, crashed, or neither.
  package var state: String {
    if header.signal != 0 { return "crashed (\(signalName(header.signal)))" }
    return isDone ? "done" : "not done"
  }
}

private func clockText(_ seconds: Double) -> String {
  let formatter = ISO8601DateFormatter()
  formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
  return formatter.string(from: Date(timeIntervalSince1970: seconds))
}

/// SIGSEGV and its like by name.
func signalName(_ number: Int32) -> String {
  let names = [
    SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGFPE: "SIGFPE", SIGABRT: "SIGABRT",
    SIGKILL: "SIGKILL", SIGTERM: "SIGTERM",
  ]
  return names[number] ?? "signal \(number)"
}
