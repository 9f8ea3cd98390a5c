// Processes that the system has killed because memory ran out. They get SIGKILL, of which nobody is told the reason: it shows in counters, which
// are compared before and after.

import Foundation

/// The counters of this host and of this process's control groups at one time.
public struct MemoryKills: Sendable {
  private let onHost: Int
  private let inGroups: [String: (count: Int, limit: Int?)]

  /// - Parameter statistics: the text of /proc/vmstat, which counts the kills of all groups too.
  package init(statistics: String, groups: ControlGroups) {
    let line = statistics.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
    onHost = line.flatMap { Int($0.dropFirst("oom_kill ".count)) } ?? 0
    inGroups = groups.memoryKills
  }

  public static var now: MemoryKills {
    MemoryKills(statistics: (try? String(contentsOfFile: "/proc/vmstat", encoding: .utf8)) ?? "", groups: .ofThisProcess)
  }

  /// Why a process of this host has been killed between an earlier time and this one, as in "it was killed because ..."; nil if it was not for want
  /// of memory.
  public func explanation(since earlier: MemoryKills) -> String? {
    let grown = inGroups.filter { folder, kills in kills.count > earlier.inGroups[folder]?.count ?? 0 }
    // No limit reads as "max" or as a number beyond every memory.
    if let limit = grown.values.compactMap(\.limit).filter({ $0 < 1 << 60 }).min() {
      return "killed because the memory of its job ran out (limit \(FreeMemory.text(limit)))"
    }
    return !grown.isEmpty || onHost > earlier.onHost ? "killed because the memory of its host or its job ran out" : nil
  }
}
