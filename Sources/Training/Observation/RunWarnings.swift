// The warnings of a run, read back from rank 0's log of the newest attempt.

import Files
import Foundation

/// The newest warnings of a run, at most 20, each with its step; empty where there is no log.
func runWarnings(ofRun run: String) -> [String] {
  let folder = run + "/logs", names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  guard let newest = names.filter({ $0.hasPrefix("rank-0000.") }).max() else { return [] }
  var found: [String] = []
  try? forEachLine(of: "\(folder)/\(newest)") { line in
    let text = String(decoding: line.bytes, as: UTF8.self)
    guard let match = text.firstMatch(of: /^\S+ step (\d+): warning: (.+)$/) else { return }
    found = found.suffix(19) + ["step \(match.output.1): \(match.output.2)"]
  }
  return found
}
