// Imports of known layouts, of h5 files with lists, and of the Decathlon's tasks.

import Files
import Volumes

/// Makes the data set `output` from a folder of a known layout.
/// Errors: files that are missing, damaged, named twice or of other values; lists that name cases that are not there; all before anything is left.
public func importLayout(
  _ layout: ImportLayout, _ folder: String, to output: String, split: CaseSplit = CaseSplit()
) throws(PreparationError) -> ImportReport {
  var scan = LayoutScan(layout, in: realPath(folder))
  var found = try scan.dataset()
  let isArrays = found.cases.contains { if case .array = $0.label ?? $0.images[0] { true } else { false } }
  try found.assignRoles(isArrays ? split.withLists(near: realPath(folder)) : split, known: layout.split)
  return try writeDataset(found, to: output)
}

/// Makes the data set `output` from HDF5 files that each hold `image` and perhaps `label`, with lists of names.
/// - Parameter classNames: without the background; nil: classes are called by their values.
/// Errors: as `importLayout`.
public func importArrays(
  _ folder: String, to output: String, geometry: ArrayGeometry, channelName: String, classNames: [String]?, split: CaseSplit
) throws(PreparationError) -> ImportReport {
  let folder = realPath(folder), files = try filesBelow(folder).filter { arrayStem(lastName(of: $0)) != nil }
  guard !files.isEmpty else {
    throw PreparationError("\(folder) holds no files that end in .h5: give the folder that holds them, at any depth.")
  }
  var found = FoundDataset(
    channelNames: [channelName], labels: try declaredClasses(classNames), values: .numbered,
    cases: try arrayCases(files, geometry))
  try found.assignRoles(split.withLists(near: folder))
  return try writeDataset(found, to: output)
}

/// The meaning of labels whose classes are named. Errors: too many, an empty name or one that is there twice.
func declaredClasses(_ names: [String]?) throws(PreparationError) -> LabelMeaning? {
  guard let names else { return nil }
  let all = ["background"] + names
  guard Set(all).count == all.count, !all.contains(""), (2...256).contains(all.count) else {
    throw PreparationError(
      "--classes \(names.joined(separator: ",")) must be 1 to 255 different names, without the background: correct them.")
  }
  return LabelMeaning(classNames: all)
}

extension CaseSplit {
  /// The lists as UA-MT and SSL4MIS name them, in the folder or the one above, where the user names none.
  fileprivate func withLists(near folder: String) -> CaseSplit {
    guard trainingList == nil, testList == nil else { return self }
    func list(_ side: String) -> String? {
      [folder, parentFolder(of: folder)].flatMap { place in
        [".list", ".txt", "_follow.list"].map { "\(place)/\(side)\($0)" }
      }.first { isFile($0) }
    }
    var split = self
    (split.trainingList, split.testList) = (list("train"), list("test"))
    return split
  }
}
