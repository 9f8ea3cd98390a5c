// Finding the cases of a layout in a folder of any depth. Every image file is part of a case or is told; what is wrong is told at once.

import Files
import Foundation
import Volumes

/// The cases of a layout, found by the names of files.
struct LayoutScan {
  let layout: ImportLayout
  let folder: String
  private var parts: [String: [FilePart: String]] = [:]
  private var unused: [String] = []
  private var problems: [String] = []

  init(_ layout: ImportLayout, in folder: String) { (self.layout, self.folder) = (layout, folder) }

  /// Errors: no file of the layout; cases without all of their channels, labels without an image, two files for one thing.
  mutating func dataset() throws(PreparationError) -> FoundDataset {
    let files = try filesBelow(folder), arrayFiles = files.filter { arrayStem(lastName(of: $0)) != nil }
    let labels = LabelMeaning(classNames: layout.classNames, regions: layout.regions)
    if !arrayFiles.isEmpty {
      guard let geometry = layout.arrays else {
        throw PreparationError(
          "\(folder) holds HDF5 files, \(arrayFiles[0]) for one, which are not this layout's: use `cohort import h5list`.")
      }
      return FoundDataset(
        channelNames: layout.channelNames, labels: labels, cases: try arrayCases(arrayFiles, geometry))
    }
    for path in files { add(path) }
    let cases = parts.sorted { $0.key < $1.key }.compactMap { self.case($0, $1) }
    guard !cases.isEmpty || !problems.isEmpty else {
      throw PreparationError("\(folder) holds no files such as \(layout.example): give the folder that holds them.")
    }
    guard problems.isEmpty else { throw PreparationError(asLines(problems, heading: "\(folder) has \(problems.count) faults:")) }
    let notes = unused.isEmpty ? [] : ["not used: \(unused.count) image files of other names, \(unused[0]) for one"]
    return FoundDataset(
      channelNames: layout.channelNames, labels: labels, values: .known(layout.values), cases: cases, notes: notes)
  }

  private mutating func add(_ path: String) {
    guard let stem = imageStem(lastName(of: path)) else { return }
    guard let (identifier, part) = place(stem, folder: lastName(of: parentFolder(of: path))) else {
      unused.append(path)
      return
    }
    if let other = parts[identifier, default: [:]].updateValue(path, forKey: part) {
      problems.append("\(other) and \(path) are the same for the case \(identifier): remove one.")
    }
  }

  /// The case of a file and what it is of it; nil where the layout knows no such name.
  private func place(_ stem: String, folder: String) -> (String, FilePart)? {
    switch layout.naming {
    case .caseFolders(let words):
      let word = stem.split { $0 == "_" || $0 == "-" }.last.map { $0.lowercased() } ?? ""
      return words[word].map { (folder, $0) }
    case .prefixes(let words):
      let number = stem.drop { !$0.isNumber }, word = stem.prefix(stem.count - number.count)
      guard !number.isEmpty, number.allSatisfy(\.isNumber) else { return nil }
      return words[word.lowercased()].map { (String(number), $0) }
    case .numbered:
      let pieces = stem.split(separator: "_"), last = pieces.last ?? ""
      guard last.count == 4, last.allSatisfy(\.isNumber), let channel = Int(last), pieces.count > 1 else { return (stem, .label) }
      return channel < layout.channelNames.count ? (String(stem.dropLast(5)), .channel(channel)) : nil
    }
  }

  private mutating func `case`(_ identifier: String, _ parts: [FilePart: String]) -> FoundCase? {
    let images = layout.channelNames.indices.map { parts[.channel($0)] }
    let missing = layout.channelNames.indices.filter { images[$0] == nil }.map { layout.channelNames[$0] }
    guard missing.isEmpty else {
      let found = parts.values.min() ?? ""
      problems.append(
        "The case \(identifier) (\(found)) has no image of \(missing.joined(separator: ", ")): unpack or copy the folder again, or remove the case."
      )
      return nil
    }
    return FoundCase(identifier: identifier, images: images.map { .file($0!) }, label: parts[.label].map { .file($0) })
  }
}

/// The cases of HDF5 files: named by the files, or by the folders of files that are all called the same.
/// Errors: damaged files, files without an image, two of one name, axes in another order than those of the others; all at once where they can be.
func arrayCases(_ files: [String], _ geometry: ArrayGeometry) throws(PreparationError) -> [FoundCase] {
  let stems = Dictionary(grouping: files) { arrayStem(lastName(of: $0))! }
  var cases: [String: FoundCase] = [:], images: [StoredArray] = [], problems: [String] = []
  for path in files {
    let stem = arrayStem(lastName(of: path))!, isCommon = stem == "mri_norm2" || stems[stem]!.count > 1
    let identifier = (isCommon ? lastName(of: parentFolder(of: path)) : stem).precomposedStringWithCanonicalMapping
    do throws(PreparationError) {
      let (image, label) = try arrays(of: path, geometry)
      images.append(image)
      let found = FoundCase(identifier: identifier, images: [.array(image)], label: label.map { .array($0) })
      if let other = cases.updateValue(found, forKey: identifier) {
        problems.append("\(other.images[0].path) and \(path) have one name, \(identifier): rename or remove one.")
      }
    } catch { problems.append(error.description) }
  }
  guard problems.isEmpty else { throw PreparationError(asLines(problems, heading: "\(problems.count) HDF5 files have faults:")) }
  try refuseOtherOrders(images)
  return cases.values.sorted { $0.identifier < $1.identifier }
}

/// The name of an HDF5 file without its ending; nil if it is not one's.
func arrayStem(_ name: String) -> String? {
  guard let ending = [".h5", ".hdf5"].first(where: name.lowercased().hasSuffix), !name.hasPrefix("."), name.count > ending.count
  else { return nil }
  return String(name.dropLast(ending.count))
}

/// The plain files below a folder, by path, hidden ones and what macOS adds to archives left out. Links are followed, ten folders deep at most.
func filesBelow(_ folder: String, depth: Int = 10) throws(PreparationError) -> [String] {
  guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
    throw PreparationError("\(folder) cannot be listed: check that it is a folder that may be read.")
  }
  var files: [String] = []
  for name in names.sorted() where !name.hasPrefix(".") && name != "__MACOSX" {
    var facts = stat()
    guard stat("\(folder)/\(name)", &facts) == 0 else { continue }
    switch facts.st_mode & S_IFMT {
    case S_IFREG: files.append("\(folder)/\(name)")
    case S_IFDIR where depth > 0: files += try filesBelow("\(folder)/\(name)", depth: depth - 1)
    default: break
    }
  }
  return files
}
