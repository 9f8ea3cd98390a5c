// The training set of ATLAS 2023 (A Tumor and Liver Automatic Segmentation: contrast-enhanced T1 MRI of the liver) as a data set for a stage of
// supervised training: imagesTr/im0.nii.gz with labelsTr/lb0.nii.gz, 1 liver, 2 tumour. The tumour counts as liver unless it is asked for.

import Files
import Foundation
import Volumes

/// Makes the data set `output` from `folder`. Images stay where they are; labels are written anew where classes are joined.
/// Errors: no images, an image without its label or a label without its image, a label of another value; all at once where no file needs be opened.
public func importATLAS(
  _ folder: String, to output: String, keepsTumour: Bool = false
) throws(PreparationError) -> ImportReport {
  let pairs = try atlasPairs(realPath(folder))
  return try makeDataset(at: output) { (unfinished) throws(PreparationError) in
    if !keepsTumour {
      do throws(FileError) { try makeFolder("\(unfinished)/labelsTr") } catch { throw PreparationError(error.description) }
    }
    var rows: [String] = []
    for (number, image, label) in pairs {
      let identifier = "atlas_\(number)", joined = "labelsTr/\(identifier).nii.gz"
      if !keepsTumour { try joinTumour(label, to: "\(unfinished)/\(joined)") }
      rows.append(
        [identifier, "ATLAS", "T1", image, keepsTumour ? label : joined, "train"].map(DelimitedTable.quoted).joined(
          separator: ","))
    }
    try readingVolumes { () throws(VolumeError) in
      try Dataset.write(
        name: URL(fileURLWithPath: output).lastPathComponent, channelNames: ["MRI"],
        classNames: ["background", "liver"] + (keepsTumour ? ["tumour"] : []), labelled: pairs.count, to: unfinished)
      try Manifest.write(columns: ["id", "vendor", "phase", "image", "label", "split"], rows: rows, to: unfinished)
    }
    return ImportReport(lines: ["\(pairs.count) labelled volumes; \(keepsTumour ? "liver and tumour" : "tumour counts as liver")"]
    )
  }
}

/// Number, image and label of each case, by number.
private func atlasPairs(_ folder: String) throws(PreparationError) -> [(number: Int, image: String, label: String)] {
  func files(_ name: String, _ prefix: String) throws(PreparationError) -> [Int: String] {
    let found = try readingVolumes { () throws(VolumeError) in try ImageFolder("\(folder)/\(name)") }
    return Dictionary(
      found.images.compactMap { file in
        file.stem.hasPrefix(prefix) ? Int(file.stem.dropFirst(prefix.count)).map { ($0, file.path) } : nil
      }
    ) { first, _ in first }
  }
  let images = try files("imagesTr", "im"), labels = try files("labelsTr", "lb")
  let alone = Set(images.keys).symmetricDifference(labels.keys).sorted()
  guard alone.isEmpty else {
    throw PreparationError(
      "\(folder) has only one of imagesTr/imN.nii.gz and labelsTr/lbN.nii.gz for N = \(alone.map(String.init).joined(separator: ", ")): add the other, or remove it."
    )
  }
  guard !images.isEmpty else {
    throw PreparationError(
      "\(folder) has no imagesTr/im0.nii.gz and so on: give the folder of ATLAS that holds imagesTr and labelsTr.")
  }
  return images.keys.sorted().map { ($0, images[$0]!, labels[$0]!) }
}

private func joinTumour(_ path: String, to output: String) throws(PreparationError) {
  try readingVolumes { () throws(VolumeError) in
    var labels = try readLabels(path)
    if let other = labels.labels.first(where: { $0 > 2 }) {
      throw VolumeError("\(path) has the label \(other), and ATLAS has 0, 1 (liver) and 2 (tumour): correct the file.")
    }
    labels.labels = labels.labels.map { min($0, 1) }
    try writeLabels(labels, to: output)
  }
}
