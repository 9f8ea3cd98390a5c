// What a host has left for its ranks: memory, shared memory, and the limits of a process.

import Files
import Foundation

let limitsCheck = DoctorCheck("limits", collect: { _ in LimitsFacts() }, judge: judgeLimits)

/// What a rank may take.
package struct LimitsFacts: Codable, Sendable {
  /// Bytes that the host has left; nil where the system does not report it.
  package let memory: Int?
  /// Bytes left in /dev/shm, which Open MPI uses between ranks of one host.
  package let sharedMemory: Int?
  /// Open files; stack bytes; locked bytes. Int.max stands for no limit.
  package let files, stack, locked: Int

  package init(memory: Int?, sharedMemory: Int?, files: Int, stack: Int, locked: Int) {
    (self.memory, self.sharedMemory, self.files, self.stack, self.locked) = (memory, sharedMemory, files, stack, locked)
  }

  init() {
    let limits = systemText("/proc/self/limits") ?? ""
    self.init(
      memory: FreeMemory.availableBytes, sharedMemory: freeBytes("/dev/shm"), files: Self.limit("Max open files", in: limits),
      stack: Self.limit("Max stack size", in: limits), locked: Self.limit("Max locked memory", in: limits))
  }

  /// The soft limit in a line of /proc/self/limits; Int.max for `unlimited` and where there is no such line.
  package static func limit(_ name: String, in text: String) -> Int {
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.dropFirst(name.count).split(separator: " ").first.flatMap { Int($0) } ?? .max
  }
}

/// Bytes that a file system has left for this user; nil where it cannot be asked.
func freeBytes(_ path: String) -> Int? {
  var facts = statvfs()
  return statvfs(path, &facts) == 0 ? Int(facts.f_bavail) * Int(facts.f_frsize) : nil
}

/// Bytes as GiB or MiB.
func sizeText(_ bytes: Int) -> String {
  if bytes == .max { return "no limit" }
  return bytes >= 1 << 30 ? String(format: "%.1f GiB", Double(bytes) / Double(1 << 30)) : "\(bytes >> 20) MiB"
}

package func judgeLimits(_ all: [Placed<LimitsFacts>]) -> [Finding] {
  all.onePerHost().map { host in
    let facts = host.facts, ranks = all.filter { $0.host == host.host }.count
    let shared = facts.sharedMemory.map { ", \(sizeText($0)) in /dev/shm" } ?? ""
    let value =
      "\(facts.memory.map(sizeText) ?? "unknown") of memory left for \(ranks) rank\(ranks == 1 ? "" : "s")\(shared); "
      + "\(facts.files == .max ? "no limit" : "\(facts.files)") open files, stack \(sizeText(facts.stack)), "
      + "locked \(sizeText(facts.locked))"
    let what = "limits of \(host.host)"
    if let memory = facts.memory, memory / ranks < 1 << 30 {
      return .warning(
        what, value, hint: "a step of a small network takes about 1 GiB a rank: end other programs or start fewer ranks")
    }
    if let shared = facts.sharedMemory, shared < ranks * (16 << 20) {
      return .warning(what, value, hint: "enlarge /dev/shm (docker run --shm-size=1g; mount -o remount,size=1g /dev/shm)")
    }
    if facts.files < 1024 { return .warning(what, value, hint: "ulimit -n 4096, or raise nofile in /etc/security/limits.conf") }
    if facts.stack < 1 << 20 { return .warning(what, value, hint: "ulimit -s 8192 before the start") }
    return .ok(what, value)
  }
}
