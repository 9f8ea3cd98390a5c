// The label maps of a folder by the names of their cases, and which of them belong together.

import Files
import Foundation
import Volumes

/// Label maps by case.
struct LabelMaps {
  /// The folder, or the one file.
  let path: String
  /// The path of each case's file, by its name in Unicode normal form C.
  let paths: [String: String]
  /// Paths of what lies there and looks like data, but cannot be read.
  let unread: [String]

  /// Lists a folder, or takes one file. Errors: nothing there, two files for one case.
  init(_ path: String) throws {
    self.path = path
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw TrainingError("there is no folder \(path): check the path.")
    }
    guard isFolder.boolValue else {
      let name = lastName(of: path)
      (paths, unread) = ([imageStem(name) ?? name: path], [])
      return
    }
    let folder = try ImageFolder(path)
    paths = Dictionary(uniqueKeysWithValues: folder.images.map { ($0.stem, $0.path) })
    unread = folder.unread.map { join(path, $0) }
    guard !paths.isEmpty else {
      throw TrainingError(
        "\(path) holds no label map (a file ending in \(imageEndings.joined(separator: ", "))): check the path.")
    }
  }

  /// Names of cases, sorted.
  var cases: [String] { paths.keys.sorted() }

  /// Throws if something lies there that cannot be read: a reference that is left out would change the scores.
  func requireAllRead() throws(TrainingError) {
    guard unread.isEmpty else {
      throw TrainingError(
        sentence(
          about: unread, one: "cannot be read as a label map", many: "files and folders in \(path) cannot be read as label maps",
          cure: "convert \(unread.count == 1 ? "it" : "them") to .nii.gz, or move \(unread.count == 1 ? "it" : "them") away"))
    }
  }

  /// Throws if a case of `names` has no label map here.
  /// - Parameter cure: what to do.
  func require(_ names: [String], cure: String) throws(TrainingError) {
    let missing = names.filter { paths[$0] == nil }
    guard missing.isEmpty else {
      throw TrainingError(
        missing.count == 1
          ? "\(path) has no label map of \(missing[0]): \(cure)."
          : (["\(path) has no label map of \(missing.count) cases: \(cure)."] + missing.map { "  \($0)" }).joined(separator: "\n")
      )
    }
  }
}
