// The folders of CARE-Liver (LiQA, the challenge's data of liver MRI in up to seven phases from three vendors) as a data set: a row of the manifest for
// each volume. The layout is the challenge's: Vendor_A/0001-A-S1/{T1,T2,DWI_800,GED1,GED2,GED3,GED4}.nii.gz, and mask_GED4.nii.gz where somebody drew one.

import Files
import Foundation
import Volumes

/// The phases, by the names that their files have.
private let phaseOfFile = [
  "t1": "T1", "t2": "T2", "dwi": "DWI", "dwi_800": "DWI", "ged1": "GED1", "ged2": "GED2", "ged3": "GED3", "ged4": "GED4",
]
private let phases = ["T1", "T2", "DWI", "GED1", "GED2", "GED3", "GED4"]

/// Makes the data set `output` from `folder`, whose images stay where they are.
///
/// Volumes with a mask are labelled, all others of the training folders unlabelled.
/// - Parameter isTest: whether all of it is for tests.
/// Errors: no vendor's folder, an unknown file, a mask without its volume; all at once.
public func importLiQA(_ folder: String, to output: String, isTest: Bool = false) throws(PreparationError) -> ImportReport {
  var scan = LiQAScan(folder: realPath(folder), isTest: isTest)
  let rows = try scan.rows()
  return try makeDataset(at: output) { (unfinished) throws(PreparationError) in
    try readingVolumes { () throws(VolumeError) in
      try Dataset.write(
        name: URL(fileURLWithPath: output).lastPathComponent, channelNames: ["MRI"], classNames: ["background", "liver"],
        labelled: rows.count { !$0.label.isEmpty && !isTest }, to: unfinished)
      try Manifest.write(
        columns: ["id", "patient", "vendor", "phase", "image", "label", "split"],
        rows: rows.map { row in
          [row.identifier, row.patient, row.vendor, row.phase, row.image, row.label, row.split].map(DelimitedTable.quoted)
            .joined(separator: ",")
        }, to: unfinished)
    }
    return report(rows)
  }
}

private struct LiQARow {
  var identifier, patient, vendor, phase, image, label, split: String
}

private struct LiQAScan {
  let folder: String
  let isTest: Bool
  private var problems: [String] = []

  init(folder: String, isTest: Bool) { (self.folder, self.isTest) = (folder, isTest) }

  mutating func rows() throws(PreparationError) -> [LiQARow] {
    var rows: [LiQARow] = []
    for name in try subfolders(of: folder) {
      guard let vendor = name.wholeMatch(of: /(?i)vendor[-_ ]?(\w+)/).map({ String($0.1).uppercased() }) else { continue }
      for patient in try subfolders(of: "\(folder)/\(name)") {
        rows += try self.rows(ofPatient: patient, vendor: vendor, in: "\(folder)/\(name)/\(patient)")
      }
    }
    if rows.isEmpty, problems.isEmpty {
      problems.append(
        "\(folder) has no volumes in folders Vendor_A, Vendor_B1, ...: give the folder that holds the vendors' folders.")
    }
    guard problems.isEmpty else { throw PreparationError(asLines(problems, heading: "\(folder) has \(problems.count) faults:")) }
    return rows
  }

  private mutating func rows(ofPatient patient: String, vendor: String, in folder: String) throws(PreparationError) -> [LiQARow] {
    let files = try readingVolumes { () throws(VolumeError) in try ImageFolder(folder) }
    var images: [String: String] = [:], masks: [String: String] = [:]
    for file in files.images {
      let stem = file.stem.lowercased(), isMask = stem.hasPrefix("mask_")
      guard let phase = phaseOfFile[isMask ? String(stem.dropFirst(5)) : stem] else {
        problems.append(
          "\(file.path) is no phase (\(phases.joined(separator: ", "))) and no mask of one: rename it or move it away.")
        continue
      }
      let other = isMask ? masks.updateValue(file.path, forKey: phase) : images.updateValue(file.path, forKey: phase)
      if let other { problems.append("\(file.path) and \(other) are the same phase: remove one.") }
    }
    for (phase, mask) in masks.sorted(by: { $0.key < $1.key }) where images[phase] == nil {
      problems.append("\(mask) is a mask without its volume \(phase): add the volume, or remove the mask.")
    }
    return phases.compactMap { phase in
      guard let image = images[phase] else { return nil }
      let label = masks[phase] ?? "", split = isTest ? "test" : label.isEmpty ? "unlabelled" : "train"
      return LiQARow(
        identifier: "\(patient)_\(phase)", patient: patient, vendor: vendor, phase: phase, image: image, label: label,
        split: split)
    }
  }
}

/// Volumes and masks by vendor and phase, and what is missing.
private func report(_ rows: [LiQARow]) -> ImportReport {
  let vendors = Set(rows.map(\.vendor)).sorted(), patients = Dictionary(grouping: rows, by: \.patient)
  func padded(_ text: String) -> String { text + String(repeating: " ", count: max(1, 12 - text.count)) }
  var lines = [(["vendor", "patients"] + phases).map(padded).joined()]
  for vendor in vendors {
    let own = rows.filter { $0.vendor == vendor }
    let cells = phases.map { phase in
      let found = own.filter { $0.phase == phase }, masks = found.count { !$0.label.isEmpty }
      return masks > 0 ? "\(found.count) (\(masks) drawn)" : "\(found.count)"
    }
    lines.append(([vendor, "\(Set(own.map(\.patient)).count)"] + cells).map(padded).joined())
  }
  let missing = phases.compactMap { phase -> String? in
    let count = patients.count { !$0.value.contains { $0.phase == phase } }
    return count > 0 ? "\(phase) of \(count)" : nil
  }
  lines.append(
    "\(patients.count) patients, \(rows.count) volumes; "
      + (missing.isEmpty ? "no phase is missing" : "missing: \(missing.joined(separator: ", ")) patients"))
  return ImportReport(lines: lines)
}
