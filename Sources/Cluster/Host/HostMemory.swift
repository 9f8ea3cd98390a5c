// The memory that a process may still take on its host: what the system has free, and what is left below the limits of the control groups
// that a batch system or a container put the process into.

import Foundation

public enum HostMemory {
  /// Bytes; nil where the system does not report it.
  public static var availableBytes: Int? {
    let free = number(after: "MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
    return ([free].compactMap { $0 } + controlGroupRooms()).min()
  }

  /// Why a step on a patch (D, H, W in voxels) does not fit, with a hint; nil if it does, or if the system does not report its
  /// memory.
  /// - Parameter rehearsed: bytes that a rank's step takes at most, standard or lean.
  public static func problem(
    patch: [Int], isLean: Bool, ranks: Int, rehearsed: (_ isLean: Bool) throws -> Int
  ) rethrows -> String? {
    guard let available = availableBytes else { return nil }
    // Sixteen channels at full resolution are less than any network holds: a patch that is too large for these need not be rehearsed,
    // which takes labels in real memory.
    let least = 16 * MemoryLayout<Float>.stride * patch.reduce(1, *)
    if let found = problem(standard: least, lean: least, isLean: isLean, available: available, ranks: ranks) { return found }
    return problem(
      standard: try rehearsed(false), lean: try rehearsed(true), isLean: isLean, available: available, ranks: ranks)
  }

  /// The same from the bytes of both.
  /// - Parameters:
  ///   - standard, lean: bytes that a rank's step takes at most with `memory: standard` and `memory: lean`.
  ///   - isLean: which of them the run asks for.
  ///   - available: bytes that the host has left for all of its ranks.
  ///   - ranks: ranks on the host.
  public static func problem(standard: Int, lean: Int, isLean: Bool, available: Int, ranks: Int) -> String? {
    let share = available / ranks
    guard (isLean ? lean : standard) > share else { return nil }
    let host = ranks > 1 ? "each of the \(ranks) ranks of this host has" : "this host has"
    let hint =
      !isLean && lean <= share
      ? "take memory: lean, which needs \(size(lean)), or a smaller patch"
      : "take a smaller patch\(isLean ? "" : " and memory: lean")\(ranks > 1 ? ", or fewer ranks on a host" : "")"
    return "a step needs about \(size(isLean ? lean : standard)) and \(host) \(size(share)) left: \(hint)."
  }

  private static func size(_ bytes: Int) -> String { String(format: "%.1f GiB", Double(bytes) / Double(1 << 30)) }

  /// What is left below the limit of each control group from the process's own up to the root, version 2 and 1.
  private static func controlGroupRooms() -> [Int] {
    guard let groups = text("/proc/self/cgroup") else { return [] }
    return groups.split(separator: "\n").flatMap { line -> [Int] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return [] }
      if fields[1].isEmpty {
        return rooms(
          root: "/sys/fs/cgroup", path: String(fields[2]), limit: "memory.max", usage: "memory.current", cache: "inactive_file")
      }
      guard fields[1].split(separator: ",").contains("memory") else { return [] }
      return rooms(
        root: "/sys/fs/cgroup/memory", path: String(fields[2]), limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes",
        cache: "total_inactive_file")
    }
  }

  private static func rooms(root: String, path: String, limit: String, usage: String, cache: String) -> [Int] {
    var folder = path, found: [Int] = []
    while true {
      let group = root + folder
      if let limit = text("\(group)/\(limit)").flatMap({ Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }),
        let used = text("\(group)/\(usage)").flatMap({ Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
      {
        // File cache that nobody uses is counted as used, but makes way.
        found.append(limit - used + (number(after: cache + " ", in: "\(group)/memory.stat") ?? 0))
      }
      if folder.isEmpty || folder == "/" { return found }
      folder = String(folder[..<folder.lastIndex(of: "/")!])
    }
  }

  private static func number(after label: String, in file: String) -> Int? {
    let line = text(file)?.split(separator: "\n").first { $0.hasPrefix(label) }
    return line?.dropFirst(label.count).split(separator: " ").first.flatMap { Int($0) }
  }

  private static func text(_ file: String) -> String? { try? String(contentsOfFile: file, encoding: .utf8) }
}
