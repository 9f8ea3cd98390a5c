// What a person asks of a run by making a file in its folder: STOP (save and leave) and SAVE (a checkpoint now). Works without
// signals, from any machine that sees the folder.

import Cluster
import Foundation

/// Rank 0 looks once a second; the control word makes a request everyone's.
struct RequestFiles {
  private let requests: [(path: String, flag: ControlFlags)]
  private var lastLook = -Double.infinity

  init(folder: String) { requests = [(folder + "/STOP", .stop), (folder + "/SAVE", .save)] }

  /// New requests. Their files are removed, so that each counts once and the run can be started again.
  /// - Parameter lease: that of the folder. Where it is lost, files of these names are another's.
  mutating func take(lease: RunLease? = nil) -> ControlFlags {
    let now = ProcessInfo.processInfo.systemUptime
    guard now - lastLook >= 1 else { return [] }
    lastLook = now
    guard lease?.isHeld != false else { return .lost }
    return requests.reduce(into: []) { flags, request in if unlink(request.path) == 0 { flags.insert(request.flag) } }
  }
}
