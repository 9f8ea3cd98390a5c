// A file written and read as dd does it: the yardstick for checkpoints, and the rates of a folder's disk.

import Files
import Foundation

/// Pieces of 4 MiB, one after the other.
struct PlainFile {
  let path: String
  static let pieceBytes = 4 << 20

  /// Writes `bytes` and waits until they are on the disk: `dd bs=4M conv=fsync`.
  /// - Returns: seconds.
  func write(bytes: Int) throws(FileError) -> Double {
    let piece = [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { buffer, count in
      for index in 0..<Self.pieceBytes { buffer[index] = UInt8(truncatingIfNeeded: index &* 167 >> 3) }
      count = Self.pieceBytes
    }
    let started = ContinuousClock.now
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, newFilePermissions)
    guard descriptor >= 0 else { throw FileError("Cannot create \(path): \(reason). Check the folder.") }
    defer { close(descriptor) }
    var done = 0
    while done < bytes {
      let count = piece.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, min(Self.pieceBytes, bytes - done)) }
      guard count > 0 else { throw FileError("Cannot write \(path): \(reason). Free some space or take fewer bytes.") }
      done += count
    }
    guard fsync(descriptor) == 0 else { throw FileError("Cannot write \(path) to disk: \(reason). Check the disk.") }
    return seconds(since: started)
  }

  /// Reads the file from the disk into one buffer, after telling the system to forget what it holds of it: a cold `dd bs=4M`.
  /// - Returns: seconds.
  func readCold() throws(FileError) -> Double {
    try forget()
    var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
    let started = ContinuousClock.now
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("Cannot open \(path): \(reason). Check the folder.") }
    defer { close(descriptor) }
    while true {
      let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      guard count >= 0 else { throw FileError("Cannot read \(path): \(reason). Check the disk.") }
      if count == 0 { return seconds(since: started) }
    }
  }

  /// Drops the file's pages from the system's cache; they are on the disk.
  func forget() throws(FileError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("Cannot open \(path): \(reason). Check the folder.") }
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    close(descriptor)
  }

  func remove() { unlink(path) }

  private var reason: String { String(cString: strerror(errno)) }
}

func seconds(since start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }

/// The 95 % interval of the median of what `values` are drawn from, whatever its distribution: two of the values, as many ranks from the middle as
/// heads and tails of as many coins may differ.
func medianInterval(_ values: [Double]) -> ClosedRange<Double> {
  let sorted = values.sorted(), count = Double(values.count)
  let first = max(0, Int((count / 2 - 0.98 * count.squareRoot()).rounded(.down)))
  return sorted[first]...sorted[sorted.count - 1 - first]
}

/// Throws unless so many bytes fit into memory and into the disk of a folder: a benchmark fills up neither.
func requireRoom(memory: Int, disk: Int, in folder: String) throws(FileError) {
  if let shortage = FreeMemory.shortage(of: memory, for: "the benchmark") { throw FileError("\(shortage). Take fewer bytes.") }
  var facts = statvfs()
  // File systems without blocks, such as /proc, are none to measure: writing tells.
  guard statvfs(folder, &facts) == 0, facts.f_blocks > 0 else { return }
  let free = Int(clamping: UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize)).partialValue)
  guard disk <= free else {
    throw FileError("\(folder) has \(free) bytes free and the benchmark writes \(disk). Free some space or take fewer bytes.")
  }
}
