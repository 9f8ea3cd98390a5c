// Which file system a path lies on, from the kernel's list of mounts.

import Foundation

/// A line of /proc/self/mountinfo.
package struct Mount: Equatable {
  package let point: String
  /// The type of the file system, such as ext4, nfs4, lustre, tmpfs.
  package let type: String

  /// All mounts; later ones cover earlier ones.
  package static func parse(_ text: String) -> [Mount] {
    text.split(separator: "\n").compactMap { line -> Mount? in
      let words = line.split(separator: " ")
      guard words.count > 6, let dash = words.firstIndex(of: "-"), dash + 1 < words.count else { return nil }
      return Mount(point: String(words[4]).replacingOccurrences(of: "\\040", with: " "), type: String(words[dash + 1]))
    }
  }

  /// The mount that `path` (absolute) lies on.
  package static func containing(_ path: String, in mounts: [Mount]) -> Mount? {
    mounts.enumerated().filter { $1.point == "/" || path == $1.point || path.hasPrefix($1.point + "/") }
      .max { ($0.element.point.count, $0.offset) < ($1.element.point.count, $1.offset) }?.element
  }

  /// Whether the files lie on another machine, whose view of them may lag behind.
  package var isNetwork: Bool { ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"].contains(type) }
}
