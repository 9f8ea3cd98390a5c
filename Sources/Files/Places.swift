// Whether two paths mean the same place, whatever links and spellings lie between, so that no input is taken for an output.

import Foundation

/// The permissions that a new file is asked to have; the user's umask takes away from them, so that a group can share a run.
public let newFilePermissions: mode_t = 0o666

/// The folder in which a path lies: empty for a bare name, the path itself for the root. Foundation's own ends the program for a name of one character.
public func parentFolder(of path: String) -> String {
  let trimmed = trimmedPath(path)
  guard trimmed != "/", let slash = trimmed.lastIndex(of: "/") else { return trimmed == "/" ? "/" : "" }
  return slash == trimmed.startIndex ? "/" : trimmedPath(String(trimmed[..<slash]))
}

/// The last name in a path; the root's is /.
public func lastName(of path: String) -> String {
  let trimmed = trimmedPath(path)
  guard trimmed != "/", let slash = trimmed.lastIndex(of: "/") else { return trimmed }
  return String(trimmed[trimmed.index(after: slash)...])
}

/// A path without slashes at its end.
private func trimmedPath(_ path: String) -> String {
  var trimmed = path[...]
  while trimmed.count > 1, trimmed.last == "/" { trimmed = trimmed.dropLast() }
  return String(trimmed)
}

/// The absolute path with every symbolic link resolved. The end of the path need not exist yet.
public func realPath(_ path: String) -> String {
  let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  var existing = absolute, missing: [String] = []
  while true {
    if let resolved = realpath(existing, nil) {
      defer { free(resolved) }
      return ([String(cString: resolved)] + missing.reversed()).joined(separator: "/").replacing("//", with: "/")
    }
    let parent = parentFolder(of: existing)
    guard parent != existing, !parent.isEmpty else { return (absolute as NSString).standardizingPath }
    missing.append(lastName(of: existing))
    existing = parent
  }
}

/// Whether both paths lead to the same file or folder: by their identity on the disk where both exist, else by their real paths.
public func isSamePlace(_ first: String, _ second: String) -> Bool {
  var (a, b) = (stat(), stat())
  guard stat(first, &a) == 0, stat(second, &b) == 0 else { return realPath(first) == realPath(second) }
  return (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
}

/// Whether `path` is `folder` or lies in it, at any depth.
public func isInside(_ path: String, _ folder: String) -> Bool {
  let (inner, outer) = (realPath(path), realPath(folder))
  return inner == outer || inner.hasPrefix(outer == "/" ? outer : outer + "/") || isSamePlace(path, folder)
}
