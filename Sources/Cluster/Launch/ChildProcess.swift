// A program that the launcher starts, in a process group of its own, with signals as a shell would give them. Never used in a
// rank: a process that has called MPI_Init must not fork.

import Files
import Foundation

package final class ChildProcess {
  package enum End: Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    package var description: String {
      switch self {
      case .exited(let code): "exit code \(code)"
      case .signalled(let signal): "killed by signal \(signal)"
      }
    }
  }
  let identifier: pid_t
  private let pipe: Int32?
  private var end: End?

  /// - Parameters:
  ///   - arguments: the program, looked for on the PATH, and what it is given.
  ///   - environment: added to this process's own.
  ///   - readsOutput: its output comes here and its errors are thrown away; else both go where this process's go.
  ///   - log: a file to which both go instead.
  package init(
    _ arguments: [String], environment: [String: String] = [:], readsOutput: Bool = false, log: String? = nil
  ) throws(ClusterError) {
    var actions = posix_spawn_file_actions_t(), attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    if let log {
      posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, newFilePermissions)
      posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    }
    var ends: [Int32] = [-1, -1]
    if readsOutput {
      guard Foundation.pipe(&ends) == 0 else { throw Self.failure(arguments, errno) }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
      posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    }
    var none = sigset_t(), all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let words = arguments.map { strdup($0) } + [nil]
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var started: pid_t = 0
    let refusal = posix_spawnp(&started, arguments[0], &actions, &attributes, words, variables)
    if readsOutput { close(ends[1]) }
    identifier = started
    pipe = readsOutput ? ends[0] : nil
    guard refusal == 0 else { throw Self.failure(arguments, refusal) }
  }

  deinit {
    if let pipe { close(pipe) }
    // Until now its number belongs to it, and a signal to its group cannot hit a stranger's.
    if end != nil { waitpid(identifier, nil, 0) }
  }

  private static func failure(_ arguments: [String], _ code: Int32) -> ClusterError {
    ClusterError("Cannot start \(arguments[0]): \(String(cString: strerror(code))). Install it or put it on the PATH.")
  }

  /// How it ended; nil while it runs.
  package func poll() -> End? {
    var facts = siginfo_t()
    guard end == nil, waitid(P_PID, id_t(identifier), &facts, WEXITED | WNOHANG | WNOWAIT) == 0, facts.si_signo == SIGCHLD else {
      return end
    }
    let status = facts._sifields._sigchld.si_status
    end = facts.si_code == Int32(CLD_EXITED) ? .exited(status) : .signalled(status)
    return end
  }

  /// How it ended; nil if it still runs at `deadline`, by the steady clock.
  package func wait(until deadline: Double) -> End? {
    while poll() == nil, steadySeconds() < deadline { usleep(10_000) }
    return end
  }

  /// What it writes until it closes its output or the deadline comes.
  package func output(until deadline: Double) -> String {
    guard let pipe else { return "" }
    var bytes: [UInt8] = [], chunk = [UInt8](repeating: 0, count: 4096)
    while waitFor(pipe, POLLIN, seconds: max(0, deadline - steadySeconds())) {
      let count = read(pipe, &chunk, chunk.count)
      if count <= 0 { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Sends a signal; SIGUSR1, which is a request, only if the program handles it: before its handlers are there it would die of it.
  package func send(_ signal: Int32) { if poll() == nil, signal != SIGUSR1 || handles(signal) { kill(identifier, signal) } }

  /// Whether the program catches a signal, or blocks it for a thread that waits for it.
  private func handles(_ signal: Int32) -> Bool {
    let status = (try? String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)) ?? ""
    let masks = status.split(separator: "\n").filter { $0.hasPrefix("SigCgt:") || $0.hasPrefix("SigBlk:") }
    return masks.contains { UInt64($0.dropFirst(8), radix: 16).map { $0 >> (signal - 1) & 1 == 1 } ?? false }
  }

  /// Sends a signal to it and all that it has started in its process group, even after its end.
  package func killGroup(_ signal: Int32) { kill(-identifier, signal) }
}

/// Ends every process of this host, but this one, that has `variable=value` in the environment it was started with.
/// - Returns: how many there were.
@discardableResult
func killMarked(_ variable: String, _ value: String) -> Int {
  var killed = 0
  for process in HostProcess.all where process.identifier != getpid() {
    guard process.environment?.contains("\(variable)=\(value)") == true else { continue }
    if kill(process.identifier, SIGKILL) == 0 { killed += 1 }
  }
  return killed
}
