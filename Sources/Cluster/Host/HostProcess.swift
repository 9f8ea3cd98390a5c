// A process of this host, as the system shows it in /proc.

import Foundation

struct HostProcess {
  let identifier: pid_t

  init(_ identifier: pid_t) { self.identifier = identifier }

  /// All processes that this one may see.
  static var all: [HostProcess] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }.map(HostProcess.init)
  }

  /// The name of its program; nil if there is no such process.
  var name: String? { text("comm")?.trimmingCharacters(in: .newlines) }

  /// The variables that it was started with, as `NAME=VALUE`; nil if this process may not see them.
  var environment: [String]? { text("environ")?.split(separator: "\0").map(String.init) }

  /// Its state as one letter: T for stopped, D for waiting for a file system or a device.
  var state: Character? {
    // The state follows the name, which stands in parentheses and may hold any character.
    text("stat")?.split(separator: ")").last?.split(separator: " ").first?.first
  }

  /// Whether somebody has stopped it, as SIGSTOP, Ctrl-Z and a suspended Slurm job do.
  var isStopped: Bool { state == "T" || state == "t" }

  private func text(_ file: String) -> String? {
    FileManager.default.contents(atPath: "/proc/\(identifier)/\(file)").map { String(decoding: $0, as: UTF8.self) }
  }
}
