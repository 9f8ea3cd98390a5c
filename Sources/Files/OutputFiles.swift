// Where a command may write: over no file that it reads, over an existing one only if it is an earlier output of its own, and under no ending that
// promises another format.

import Foundation

/// Refuses outputs before anything is written.
///
/// - Parameters:
///   - outputs: paths of the files to be written.
///   - inputs: paths of the files that are read.
///   - isOwn: whether an existing file is an earlier output of the command, which may be replaced.
/// Errors: an output that is an input, whatever links lie between; files or folders of others in the way, all of them listed.
public func checkOutputs(_ outputs: [String], reading inputs: [String], isOwn: (String) -> Bool) throws(FileError) {
  let read = Set(inputs.compactMap(FileIdentity.init))
  let overwritten = outputs.filter { FileIdentity($0).map(read.contains) ?? false }
  guard overwritten.isEmpty else {
    throw FileError(
      sentence(
        about: overwritten, one: "is read and would be written over", many: "files are read and would be written over",
        cure: "choose another output"))
  }
  let foreign = outputs.filter { isTaken($0) && !isOwn($0) }
  guard foreign.isEmpty else {
    throw FileError(
      sentence(
        about: foreign, one: "is in the way and no unchanged output of this command",
        many: "files are in the way and no unchanged outputs of this command",
        cure: "choose another output, or move \(foreign.count == 1 ? "it" : "them") away"))
  }
}

/// Refuses a name whose ending promises another format than the one that is written.
/// - Parameter format: what is written, as in "safetensors".
public func checkEnding(of path: String, _ ending: String, format: String) throws(FileError) {
  guard path.lowercased().hasSuffix(ending), lastName(of: path).count > ending.count else {
    throw FileError("\(path) does not end in \(ending), and only \(format) can be written: choose a name that ends in \(ending).")
  }
}

/// A sentence about one item, or about several, which are listed below it, one a line.
/// - Parameters:
///   - one: what is wrong, after the item.
///   - many: the same after the number of items.
///   - cure: what to do.
public func sentence(about items: [String], one: String, many: String, cure: String) -> String {
  items.count == 1
    ? "\(items[0]) \(one): \(cure)." : (["\(items.count) \(many): \(cure)."] + items.map { "  \($0)" }).joined(separator: "\n")
}

/// Whether anything has this name, be it a link to nowhere.
private func isTaken(_ path: String) -> Bool {
  var facts = stat()
  return lstat(path, &facts) == 0
}

/// Which file on which disk a path leads to.
private struct FileIdentity: Hashable {
  let device: dev_t, file: ino_t

  /// Nil if there is none.
  init?(_ path: String) {
    var facts = stat()
    guard stat(path, &facts) == 0 else { return nil }
    (device, file) = (facts.st_dev, facts.st_ino)
  }
}
