// How fast the disk of a folder is at what checkpoints ask of it: long writes, long reads, making a small file durable, renaming durably.

import Files
import Foundation
import Kernels

/// What `measureDisk` found: medians.
public struct DiskResult: Encodable, Sendable {
  public let folder: String
  public let bytes: Int
  public let repeats: Int
  /// 10⁶ bytes a second of `dd bs=4M conv=fsync`.
  public let writeRate: Double
  /// 10⁶ bytes a second of a cold `dd bs=4M`.
  public let readRate: Double
  /// Seconds to write 4 KiB and wait until they are on the disk.
  public let syncSeconds: Double
  /// Seconds to rename a file and wait until its folder is on the disk.
  public let renameSeconds: Double

  public var text: String {
    [
      "\(folder): medians of \(repeats), \(bytes / 1_000_000) MB",
      String(format: "write and fsync %.0f MB/s, cold read %.0f MB/s", writeRate, readRate),
      String(format: "fsync of 4 KiB %.2f ms, durable rename %.2f ms", syncSeconds * 1e3, renameSeconds * 1e3),
    ].joined(separator: "\n")
  }
}

/// Measures the disk of `folder`, which must exist and be writable.
public func measureDisk(folder: String, bytes: Int, repeats: Int) throws(FileError) -> DiskResult {
  try requireRoom(memory: 0, disk: bytes, in: folder)
  let file = PlainFile(path: "\(folder)/.cohort-bench-io"), small = PlainFile(path: "\(folder)/.cohort-bench-small")
  defer { file.remove(); small.remove() }
  var (writes, reads, syncs, renames): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
  for _ in 0..<repeats {
    file.remove()
    writes.append(try file.write(bytes: bytes))
    reads.append(try file.readCold())
    for _ in 0..<10 {
      syncs.append(try small.write(bytes: 4096))
      let started = ContinuousClock.now
      try moveDurably(small.path, to: small.path + ".renamed")
      renames.append(seconds(since: started))
      try moveDurably(small.path + ".renamed", to: small.path)
    }
  }
  func rate(_ times: [Double]) -> Double { Double(bytes) / median(times) / 1e6 }
  return DiskResult(
    folder: folder, bytes: bytes, repeats: repeats, writeRate: rate(writes), readRate: rate(reads), syncSeconds: median(syncs),
    renameSeconds: median(renames))
}
