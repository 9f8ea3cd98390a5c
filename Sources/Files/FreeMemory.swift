// The memory that a process may still take on its host: what the system has free, and what is left below the limits of its control groups. Whatever grows with a file or a number of the user's asks here before it allocates.

import Foundation

public enum FreeMemory {
  /// Bytes; nil where the system does not report it.
  public static var availableBytes: Int? {
    let free = number(after: "MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
    return ([free].compactMap { $0 } + ControlGroups.ofThisProcess.memoryRooms).min()
  }

  /// Why `bytes` do not fit, as in "the volume needs about 70.0 GiB and 21.3 GiB are left"; nil if they do, or if the system does not report its
  /// memory.
  public static func shortage(of bytes: Int, for user: String) -> String? {
    guard let available = availableBytes, bytes > available else { return nil }
    return "\(user) needs about \(text(bytes)) and \(text(max(0, available))) are left"
  }

  /// A number of bytes for people, such as "1.5 GiB".
  public static func text(_ bytes: Int) -> String { String(format: "%.1f GiB", Double(bytes) / Double(1 << 30)) }

  private static func number(after label: String, in file: String) -> Int? {
    let line = (try? String(contentsOfFile: file, encoding: .utf8))?.split(separator: "\n").first { $0.hasPrefix(label) }
    return line?.dropFirst(label.count).split(separator: " ").first.flatMap { Int($0) }
  }
}
