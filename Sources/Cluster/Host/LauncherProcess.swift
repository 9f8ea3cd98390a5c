// The process that has started this rank: mpirun, or its daemon on another host. It can be asked to stop or to pass a signal on; any other parent,
// or whoever takes its place after its end, is not ours to touch.

import Foundation

package enum LauncherProcess {
  private static let names = ["mpirun", "mpiexec", "orterun", "orted", "prted"]

  /// The process, if this rank was started by one of that kind.
  private static let identifier: pid_t? = {
    let parent = getppid()
    return LaunchCheck().isWired && names.contains(HostProcess(parent).name ?? "") ? parent : nil
  }()

  /// To be called while the parent still lives.
  static func remember() { _ = identifier }

  /// Whether it is there.
  package static var isThere: Bool { identifier != nil && identifier == getppid() }

  /// Sends it a signal, if it is there: a process that has lost its parent gets another one.
  package static func send(_ signal: Int32) {
    guard let identifier, identifier == getppid() else { return }
    kill(identifier, signal)
  }

  /// Ends it. At the first signal mpirun may wait for a host that does not answer; it leaves at the second.
  static func end() {
    for _ in 0..<2 where isThere {
      send(SIGTERM)
      usleep(100_000)
    }
  }
}
