// A folder of files that is made whole, or not at all.

import Foundation

/// Makes the folder `path` by what `fill` writes into a folder beside it, which is renamed at the end.
/// Errors: the folder exists, cannot be made, or `fill` fails: then nothing is left.
public func makeNewFolder<Result>(_ path: String, _ fill: (String) throws -> Result) throws -> Result {
  let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  var facts = stat()
  guard lstat(path, &facts) != 0 else { throw FileError("\(path) exists: name a new folder.") }
  let unfinished = "\(path).unfinished.\(getpid())"
  do {
    try makeFolder(unfinished)
    let result = try fill(unfinished)
    try moveDurably(unfinished, to: path)
    return result
  } catch {
    try? FileManager.default.removeItem(atPath: unfinished)
    throw error
  }
}
