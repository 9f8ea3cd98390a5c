// The control groups that a batch system or a container put a process into, of version 2 and 1. Each limits together all processes in it and in
// the groups below it, so that a limit may come from any group between the process's own and the root.

import Foundation

public struct ControlGroups: Sendable {
  /// A group of the process. Its files have other names in version 1 and 2.
  public struct Group: Sendable {
    let folder: String
    let isVersion2: Bool

    /// The text of a file; nil if the group has none of that name.
    func text(_ name: String) -> String? { content(of: "\(folder)/\(name)")?.trimmingCharacters(in: .whitespacesAndNewlines) }

    func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }

    /// The number after a word at the beginning of a line.
    func number(after word: String, in name: String) -> Int? {
      let line = text(name)?.split(separator: "\n").first { $0.hasPrefix(word + " ") }
      return line?.dropFirst(word.count + 1).split(separator: " ").first.flatMap { Int($0) }
    }
  }
  private let membership: String
  private let root: String

  /// - Parameters:
  ///   - membership: the text of a process's file cgroup in /proc.
  ///   - root: where the groups are mounted.
  public init(membership: String, root: String = "/sys/fs/cgroup") { (self.membership, self.root) = (membership, root) }

  /// Those of this process.
  public static var ofThisProcess: ControlGroups { ControlGroups(membership: content(of: "/proc/self/cgroup") ?? "") }

  /// The groups that may limit the process by a controller such as "memory" or "cpu", from its own up to the root.
  func groups(of controller: String) -> [Group] {
    membership.split(separator: "\n").flatMap { line -> [Group] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 3 else { return [] }
      // Where both versions are mounted, version 2 has a folder of its own.
      if fields[1].isEmpty { return ["", "/unified"].flatMap { path(fields[2], from: root + $0, isVersion2: true) } }
      guard fields[1].split(separator: ",").contains(Substring(controller)) else { return [] }
      return path(fields[2], from: "\(root)/\(controller)", isVersion2: false)
    }
  }

  private func path(_ path: String, from mount: String, isVersion2: Bool) -> [Group] {
    var folder = path, found: [Group] = []
    while true {
      found.append(Group(folder: folder == "/" ? mount : mount + folder, isVersion2: isVersion2))
      if folder.isEmpty || folder == "/" { return found }
      folder = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)])
    }
  }

  /// What is left below each limit of memory, bytes.
  public var memoryRooms: [Int] {
    groups(of: "memory").compactMap { group in
      let limit = group.number(group.isVersion2 ? "memory.max" : "memory.limit_in_bytes")
      let used = group.number(group.isVersion2 ? "memory.current" : "memory.usage_in_bytes")
      guard let limit, let used else { return nil }
      // File cache that nobody uses is counted as used, but makes way.
      return limit - used
        + (group.number(after: group.isVersion2 ? "inactive_file" : "total_inactive_file", in: "memory.stat") ?? 0)
    }
  }

  /// The processors' worth of time that each group with a quota may take, by its folder: two processes with the same folder share it.
  public var processorQuotas: [String: Double] {
    groups(of: "cpu").reduce(into: [:]) { quotas, group in
      let quota: Int?, period: Int?
      if group.isVersion2 {
        let words = group.text("cpu.max")?.split(separator: " ").map { Int($0) } ?? []
        (quota, period) = (words.first ?? nil, words.last ?? nil)
      } else {
        (quota, period) = (group.number("cpu.cfs_quota_us"), group.number("cpu.cfs_period_us"))
      }
      if let quota, let period, quota > 0, period > 0 { quotas[group.folder] = Double(quota) / Double(period) }
    }
  }

  /// How many processes the system has killed because the memory of a group ran out, and the group's limit in bytes, by its folder.
  var memoryKills: [String: (count: Int, limit: Int?)] {
    groups(of: "memory").reduce(into: [:]) { kills, group in
      let count = group.number(after: "oom_kill", in: group.isVersion2 ? "memory.events" : "memory.oom_control")
      if let count { kills[group.folder] = (count, group.number(group.isVersion2 ? "memory.max" : "memory.limit_in_bytes")) }
    }
  }
}

private func content(of file: String) -> String? { try? String(contentsOfFile: file, encoding: .utf8) }
