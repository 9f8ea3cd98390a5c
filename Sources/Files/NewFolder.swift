// A folder of files that is made whole, or not at all.

import Foundation

/// Makes the folder `path` by what `fill` writes into a folder beside it, which is renamed at the end.
/// What a killed process of this host left of the same folder is removed first.
/// Errors: the folder exists, cannot be made, or `fill` fails: then nothing is left, nor when Ctrl-C or SIGTERM ends the program meanwhile.
public func makeNewFolder<Result>(_ path: String, _ fill: (String) throws -> Result) throws -> Result {
  let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  var facts = stat()
  guard lstat(path, &facts) != 0 else { throw FileError("\(path) exists: name a new folder.") }
  // The host is part of the name, since a process is alive or not on its own host alone.
  let started = "\(path).unfinished.\(ProcessInfo.processInfo.hostName)."
  removeAbandoned(started)
  let unfinished = "\(started)\(getpid())"
  do {
    return try removingOnInterruption(unfinished) {
      try makeFolder(unfinished)
      let result = try fill(unfinished)
      try moveDurably(unfinished, to: path)
      return result
    }
  } catch {
    try? FileManager.default.removeItem(atPath: unfinished)
    throw error
  }
}

/// Removes the folders named `start` and the number of a process that is no more.
private func removeAbandoned(_ start: String) {
  let parent = parentFolder(of: start), name = lastName(of: start)
  for found in (try? FileManager.default.contentsOfDirectory(atPath: parent.isEmpty ? "." : parent)) ?? []
  where found.hasPrefix(name) {
    let number = found.dropFirst(name.count)
    guard let process = pid_t(number), process > 0, kill(process, 0) != 0, errno == ESRCH else { continue }
    try? FileManager.default.removeItem(atPath: start + number)
  }
}
