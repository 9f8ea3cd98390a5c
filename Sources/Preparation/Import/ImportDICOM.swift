// Series of DICOM files, a folder for each case, with label maps of other programs where there are some.

import Files
import Foundation
import Volumes

/// Makes the data set `output` from the case folders in `folder`, whose files lie at any depth; dcm2niix converts them.
/// - Parameters:
///   - labels: a folder of label maps with the names of the cases; nil: none.
///   - classNames: without the background; nil: classes are called by their values.
/// Errors: dcm2niix is not installed; a case of several series, of unequal distances between slices, of another modality, all at once; labels that do
/// not fit.
public func importDICOM(
  _ folder: String, labels: String?, to output: String, classNames: [String]?, split: CaseSplit = CaseSplit()
) throws(PreparationError) -> ImportReport {
  let folder = realPath(folder), names = try subfolders(of: folder)
  guard !names.isEmpty else {
    throw PreparationError(
      "\(folder) holds no folders: put the DICOM files of each case into a folder of its own with the case's name.")
  }
  let converter = try DICOMConverter(), classes = try declaredClasses(classNames)
  return try makeDataset(at: output) { (unfinished) throws(PreparationError) in
    let work = "\(unfinished)/converted"
    var images: [ImageFile] = [], modalities: Set<String> = [], notes: [String] = [], problems: [String] = []
    for name in names {
      do throws(PreparationError) {
        let (file, modality, note) = try converter.convert("\(folder)/\(name)", to: "\(work)/\(name)")
        images.append(ImageFile(name: lastName(of: file), stem: name.precomposedStringWithCanonicalMapping, path: file))
        modalities.insert(modality)
        if let note { notes.append(note) }
      } catch { problems.append(error.description) }
    }
    if modalities.count > 1 {
      problems.append(
        "\(folder) holds cases of the modalities \(modalities.sorted().joined(separator: ", ")): import each by itself.")
    }
    guard problems.isEmpty else { throw PreparationError(asLines(problems, heading: "\(folder) has \(problems.count) faults:")) }
    var scan = FolderScan(folder: folder, channelNames: [modalities.first!])
    let cases = try scan.cases(images, labels: labels.map { realPath($0) }).map { item in
      FoundCase(identifier: item.identifier, images: item.images.map { .made($0.path) }, label: item.label)
    }
    var found = FoundDataset(
      channelNames: [modalities.first!], labels: classes, values: .numbered, cases: cases, notes: notes)
    try found.assignRoles(split)
    let report = try write(found, named: output, into: unfinished)
    do { try FileManager.default.removeItem(atPath: work) } catch {
      throw PreparationError("\(work) cannot be removed (\(error.localizedDescription)): check the disk.")
    }
    return report
  }
}
