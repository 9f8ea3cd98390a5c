// What kind of file system a folder lies on and how it was mounted, from the system's table of mounts.

import Foundation

/// The type of the file system that holds a path, such as "ext4", "nfs4", "tmpfs"; nil where the system does not report it.
public func fileSystemType(of path: String) -> String? { Mount(holding: path)?.type }

/// Whether a lock on a file there is known to hold on this host alone: NFS and Lustre that were mounted so, and file systems of programs.
func locksAreLocal(_ path: String) -> Bool {
  guard let mount = Mount(holding: path) else { return false }
  return mount.type == "9p" || mount.type.hasPrefix("fuse")
    || mount.options.contains { ["nolock", "localflock", "local_lock=flock", "local_lock=all"].contains($0) }
}

/// A line of the table.
struct Mount {
  let type: String
  let options: [String]

  init?(holding path: String) {
    var facts = stat()
    // Read to its end: such a file has no size, and the other ways of reading it stop after a page.
    guard stat(path, &facts) == 0, let mounts = FileHandle(forReadingAtPath: "/proc/self/mountinfo") else { return nil }
    let table = String(decoding: mounts.readDataToEndOfFile(), as: UTF8.self)
    // How Linux packs the two numbers of a device into one.
    let device = UInt64(facts.st_dev)
    let major = (device >> 8 & 0xFFF) | (device >> 32 & ~0xFFF), minor = (device & 0xFF) | (device >> 12 & ~0xFF & 0xFFFF_FFFF)
    // Of several mounts of a device each has the same type.
    let line = table.split(separator: "\n").first { $0.split(separator: " ").dropFirst(2).first == "\(major):\(minor)" }
    guard let line else { return nil }
    self.init(line: String(line))
  }

  /// Reads "36 35 98:0 /root /mount/point options fields - type source options".
  init?(line: String) {
    let sides = line.components(separatedBy: " - ").map { $0.split(separator: " ") }
    guard sides.count == 2, let type = sides[1].first else { return nil }
    self.type = String(type)
    options = (sides[0].dropFirst(5).prefix(1) + sides[1].dropFirst(2)).flatMap { $0.split(separator: ",") }.map(String.init)
  }
}
