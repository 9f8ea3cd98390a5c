// The memory that a process may still take on its host: what the system has free, and what is left below the limits of the control groups
// that a batch system or a container put the process into. Whatever grows with a file or a number of the user's asks here before it allocates.

import Foundation

public enum FreeMemory {
  /// Bytes; nil where the system does not report it.
  public static var availableBytes: Int? {
    let free = number(after: "MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
    return ([free].compactMap { $0 } + controlGroupRooms()).min()
  }

  /// Why `bytes` do not fit, as in "the volume needs about 70.0 GiB and 21.3 GiB are left"; nil if they do, or if the system does not report its
  /// memory.
  public static func shortage(of bytes: Int, for user: String) -> String? {
    guard let available = availableBytes, bytes > available else { return nil }
    return "\(user) needs about \(text(bytes)) and \(text(max(0, available))) are left"
  }

  /// A number of bytes for people, such as "1.5 GiB".
  public static func text(_ bytes: Int) -> String { String(format: "%.1f GiB", Double(bytes) / Double(1 << 30)) }

  /// What is left below the limit of each control group from the process's own up to the root, version 2 and 1.
  private static func controlGroupRooms() -> [Int] {
    guard let groups = content(of: "/proc/self/cgroup") else { return [] }
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
      if let limit = content(of: "\(group)/\(limit)").flatMap({ Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }),
        let used = content(of: "\(group)/\(usage)").flatMap({ Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
      {
        // File cache that nobody uses is counted as used, but makes way.
        found.append(limit - used + (number(after: cache + " ", in: "\(group)/memory.stat") ?? 0))
      }
      if folder.isEmpty || folder == "/" { return found }
      folder = String(folder[..<folder.lastIndex(of: "/")!])
    }
  }

  private static func number(after label: String, in file: String) -> Int? {
    let line = content(of: file)?.split(separator: "\n").first { $0.hasPrefix(label) }
    return line?.dropFirst(label.count).split(separator: " ").first.flatMap { Int($0) }
  }

  private static func content(of file: String) -> String? { try? String(contentsOfFile: file, encoding: .utf8) }
}
