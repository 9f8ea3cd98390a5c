// A model of a disk that loses its power (after ALICE, Pillai et al., OSDI 2014): the system calls of a job that saved, as strace
// recorded them, are replayed up to each moment. What was not forced to the disk by then is lost: the bytes of files always, names
// with and without.

import Cluster
import Foundation

/// Folders and files as calls leave them; paths are absolute.
struct DiskModel {
  /// Path → file. Folders are in no list: a file's path names them.
  typealias Names = [String: Int]
  private enum NameChange {
    case create(String, file: Int)
    case rename(String, to: String)
    case remove(String)
  }
  private(set) var names: Names = [:]
  private(set) var durableNames: Names = [:]
  private var pending: [(folder: String, change: NameChange)] = []
  /// Files whose bytes are all on the disk.
  private(set) var durableFiles: Set<Int> = []
  /// The path under which each file was made.
  private(set) var births: [String] = []

  mutating func create(_ path: String) {
    if let file = names[path] { return lose(file) }
    births.append(path)
    record(path, .create(path, file: births.count - 1))
  }

  mutating func write(_ path: String) { if let file = names[path] { lose(file) } }

  mutating func rename(_ path: String, to other: String) { record(path, .rename(path, to: other)) }

  mutating func remove(_ path: String) { record(path, .remove(path)) }

  /// Forces a file's bytes, or what happened to the names in a folder, to the disk.
  mutating func synchronize(_ path: String) {
    if let file = names[path] { durableFiles.insert(file) }
    for (_, change) in pending.filter({ $0.folder == path }) { Self.apply(change, to: &durableNames) }
    pending.removeAll { $0.folder == path }
  }

  private mutating func lose(_ file: Int) { durableFiles.remove(file) }

  private mutating func record(_ path: String, _ change: NameChange) {
    pending.append(((path as NSString).deletingLastPathComponent, change))
    Self.apply(change, to: &names)
  }

  private static func apply(_ change: NameChange, to names: inout Names) {
    switch change {
    case .create(let path, let file): names[path] = file
    case .rename(let path, let other):
      for (name, file) in names where name == path || name.hasPrefix(path + "/") {
        names[name] = nil
        names[other + name.dropFirst(path.count)] = file
      }
    case .remove(let path): for name in names.keys where name == path || name.hasPrefix(path + "/") { names[name] = nil }
    }
  }
}

/// A call that strace -f -y wrote down: `123 fsync(5</path>) = 0`.
struct TracedCall {
  let name: String
  /// Texts in quotation marks, and what the first descriptor stands for.
  let texts: [String]
  let descriptor: String?
  let makesFile: Bool

  /// nil for lines of another kind, and for calls that failed.
  init?(_ line: Substring) {
    let call = line.drop { $0.isNumber || $0 == " " }
    guard let parenthesis = call.firstIndex(of: "("), !call.contains(" = -1 ") else { return nil }
    name = String(call[..<parenthesis])
    let rest = call[parenthesis...]
    texts = rest.components(separatedBy: "\"").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    let inner = rest.dropFirst().prefix { $0 != "," && $0 != ")" }
    descriptor = inner.firstIndex(of: "<").map { String(inner[inner.index(after: $0)...].prefix { $0 != ">" }) }
    makesFile = rest.contains("O_CREAT")
  }

  func act(on disk: inout DiskModel, isInside: (String) -> Bool) {
    switch name {
    case "openat": if makesFile, let path = texts.first, isInside(path) { disk.create(path) }
    case "write", "pwrite64", "pwritev", "ftruncate": if let path = descriptor, isInside(path) { disk.write(path) }
    case "fsync", "fdatasync": if let path = descriptor { disk.synchronize(path) }
    case "rename", "renameat", "renameat2": if texts.count == 2, isInside(texts[0]) { disk.rename(texts[0], to: texts[1]) }
    case "unlink", "unlinkat", "rmdir": if let path = unlinked, isInside(path) { disk.remove(path) }
    default: break
    }
  }

  /// unlinkat names a path within an open folder.
  private var unlinked: String? {
    guard let path = texts.first, !path.hasPrefix("/") else { return texts.first }
    return descriptor.map { "\($0)/\(path)" }
  }
}
