// The launcher as a child: its output goes to a file, it gets a time limit, and a signal that ends the study ends it too.

import Foundation
import Synchronization

private let child = Atomic<Int32>(0)
private let interrupted = Atomic<Bool>(false)

enum ChildProcess {
  /// Whether SIGINT, SIGTERM or SIGUSR1 asked the study to stop.
  static var isInterrupted: Bool { interrupted.load(ordering: .relaxed) }

  /// Children have a process group of their own, so that Ctrl-C and batch systems reach only this process: it passes the wish on.
  static func forwardSignals() {
    for number in [SIGINT, SIGTERM, SIGUSR1] {
      signal(number) { _ in
        interrupted.store(true, ordering: .relaxed)
        let identifier = child.load(ordering: .relaxed)
        if identifier > 0 { kill(identifier, SIGTERM) }
      }
    }
  }

  /// Runs `command`, found on the PATH, to its end.
  /// - Returns: the exit status; nil if it took longer than `limit` seconds and was ended.
  static func run(_ command: [String], environment: [String: String], output: String, limit: Int) throws -> Int32? {
    guard FileManager.default.createFile(atPath: output, contents: nil), let file = FileHandle(forWritingAtPath: output) else {
      throw ScalingError("Cannot write \(output): check the folder's permissions.")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = file
    process.standardError = file
    try process.run()
    child.store(process.processIdentifier, ordering: .relaxed)
    defer { child.store(0, ordering: .relaxed) }
    let deadline = ContinuousClock.now + .seconds(limit)
    var isLate = false
    while process.isRunning {
      usleep(20_000)
      guard ContinuousClock.now > deadline else { continue }
      // The launcher ends its ranks when it is told to; the kill is for one that does not listen.
      kill(process.processIdentifier, isLate && ContinuousClock.now > deadline + .seconds(10) ? SIGKILL : SIGTERM)
      isLate = true
      usleep(1_000_000)
    }
    return isLate ? nil : process.terminationStatus
  }
}
