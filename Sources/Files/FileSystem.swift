// What kind of file system a folder lies on, from the system's table of mounts.

import Foundation

/// The type of the file system that holds a path, such as "ext4", "nfs4", "tmpfs"; nil where the system does not report it.
public func fileSystemType(of path: String) -> String? {
  var facts = stat()
  // Read to its end: such a file has no size, and the other ways of reading it stop after a page.
  guard stat(path, &facts) == 0, let mounts = FileHandle(forReadingAtPath: "/proc/self/mountinfo") else { return nil }
  let table = String(decoding: mounts.readDataToEndOfFile(), as: UTF8.self)
  // How Linux packs the two numbers of a device into one.
  let device = UInt64(facts.st_dev)
  let major = (device >> 8 & 0xFFF) | (device >> 32 & ~0xFFF), minor = (device & 0xFF) | (device >> 12 & ~0xFF & 0xFFFF_FFFF)
  // "36 35 98:0 /root /mount/point options - type source options"; of several mounts of a device each has the same type.
  let line = table.split(separator: "\n").first { $0.split(separator: " ").dropFirst(2).first == "\(major):\(minor)" }
  return line?.components(separatedBy: " - ").last?.split(separator: " ").first.map(String.init)
}
