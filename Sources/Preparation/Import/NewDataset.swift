// A data set folder that an import makes: whole, or not at all.

import Files
import Foundation
import Volumes

/// What an import found, for people.
public struct ImportReport: Sendable, Equatable {
  /// Lines of a table and sentences.
  public var lines: [String]
}

/// `makeNewFolder` with the errors of preparation.
func makeDataset<Result>(
  at output: String, _ fill: (String) throws(PreparationError) -> Result
) throws(PreparationError) -> Result {
  do { return try makeNewFolder(output, fill) } catch { throw error as? PreparationError ?? PreparationError("\(error)") }
}

/// The visible folders in a folder, sorted.
func subfolders(of folder: String) throws(PreparationError) -> [String] {
  guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
    throw PreparationError("\(folder) cannot be listed: check that it is a folder that may be read.")
  }
  return names.filter { name in
    var facts = stat()
    return !name.hasPrefix(".") && stat("\(folder)/\(name)", &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
  }.sorted()
}

/// Whether a plain file lies at a path, perhaps behind a link.
func isFile(_ path: String) -> Bool {
  var facts = stat()
  return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
}
