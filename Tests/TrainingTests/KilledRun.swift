// A run that is killed without warning.

import Foundation
import TestSupport
import Testing

/// Starts `cohort` in a process of its own and kills it when the run's metrics.jsonl holds the step.
/// - Parameter run: the run folder that the arguments name.
func runUntilKilled(_ arguments: [String], run: String, afterStep step: Int) throws {
  let process = try startAlone(arguments, executable: "cohort")
  waitForStep(step, of: run)
  kill(process.processIdentifier, SIGKILL)
  process.waitUntilExit()
  try #require(process.terminationReason == .uncaughtSignal, "it was killed in the middle")
}

/// Waits until a run's metrics.jsonl holds the step, a minute at most.
func waitForStep(_ step: Int, of run: String) {
  let deadline = Date().addingTimeInterval(60)
  func metrics() -> String { (try? String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8)) ?? "" }
  while Date() < deadline, !metrics().contains("\"step\":\(step)") { usleep(2000) }
}
