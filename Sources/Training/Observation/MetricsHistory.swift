// What a run that goes on keeps of its metrics.jsonl: every line of the steps that it does not repeat. A file with damage is set aside whole, and
// what can be read of it is kept.

import Files
import Foundation

struct MetricsHistory {
  private let path: String

  init(_ path: String) { self.path = path }

  /// Replaces the file by its lines of the first steps, in one step.
  /// - Parameter warn: gets a sentence if the file is set aside.
  func keep(steps: Int, warn: (String) -> Void) throws(FileError) {
    let temporary = path + ".tmp", new = LineWriter(descriptor: try createFile(temporary), path: temporary)
    var damaged = 0, problem: FileError?
    if exists(path) {
      do throws(FileError) {
        try forEachLine(of: path) { (line) throws(FileError) in
          if let step = MetricsFile.object(in: line)?["step"] as? Int {
            if step <= steps { try new.write(line.bytes) }
          } else if line.isEnded {
            damaged += 1
          }
        }
      } catch {
        if let failure = new.failure { throw failure }
        problem = error
      }
    }
    try new.close()
    if damaged > 0 || problem != nil {
      let what = problem?.description ?? "\(path) has \(counted(damaged, "line")) that cannot be read."
      warn("\(what) It is kept as \(try setAside()), and the lines that can be read go on.")
    }
    try moveDurably(temporary, to: path)
  }

  private func exists(_ path: String) -> Bool {
    var facts = stat()
    return lstat(path, &facts) == 0
  }

  /// Gives the file a second name that is free, or, where a file can have only one, another one.
  private func setAside() throws(FileError) -> String {
    var number = 1
    while exists("\(path).unreadable-\(number)") { number += 1 }
    let aside = "\(path).unreadable-\(number)"
    if link(path, aside) != 0 { try moveDurably(path, to: aside) }
    return aside
  }
}

/// Collects lines and writes them in large pieces.
private final class LineWriter {
  private let descriptor: Int32
  private let path: String
  private var bytes: [UInt8] = []
  private(set) var failure: FileError?

  init(descriptor: Int32, path: String) { (self.descriptor, self.path) = (descriptor, path) }

  deinit { Foundation.close(descriptor) }

  func write(_ line: ArraySlice<UInt8>) throws(FileError) {
    bytes += line
    bytes.append(UInt8(ascii: "\n"))
    if bytes.count >= 1 << 20 { try flush() }
  }

  /// Writes what is left and forces all of it to the disk.
  func close() throws(FileError) {
    try flush()
    try synchronize(path)
  }

  private func flush() throws(FileError) {
    do throws(FileError) { try writeAll(bytes, to: descriptor, path) } catch {
      failure = error
      throw error
    }
    bytes.removeAll(keepingCapacity: true)
  }
}
