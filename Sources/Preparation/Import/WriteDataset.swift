// A found data set as folders of nnU-Net: files that need no change are linked, arrays, volumes of 4D files and labels whose values change are written.

import Files
import Foundation
import Volumes

/// Makes the data set `output`, whole or not at all. Errors: those of the labels (`LabelCensus`), and what cannot be read or written.
func writeDataset(_ found: FoundDataset, to output: String) throws(PreparationError) -> ImportReport {
  try makeDataset(at: output) { (unfinished) throws(PreparationError) in try write(found, named: output, into: unfinished) }
}

/// Fills the folder of a data set that will be called `output`.
func write(_ found: FoundDataset, named output: String, into folder: String) throws(PreparationError) -> ImportReport {
  let census = try LabelCensus(found)
  var writer = CaseWriter(folder: folder, census: census)
  for item in found.cases { try writer.write(item) }
  try readingVolumes { () throws(VolumeError) in
    try Dataset.write(
      name: lastName(of: output), channelNames: found.channelNames, labels: census.meaning,
      labelled: found.cases.count { $0.role == .labelled }, fileEnding: writer.fileEnding, to: folder)
  }
  return ImportReport(lines: report(found, census, writer, output))
}

/// Puts the files of cases into place.
private struct CaseWriter {
  let folder: String
  let census: LabelCensus
  private(set) var linked = 0, written = 0
  private var endings: Set<String> = []

  init(folder: String, census: LabelCensus) { (self.folder, self.census) = (folder, census) }

  /// The one that all files have; where they differ, Cohort reads them all the same.
  var fileEnding: String { endings.count == 1 ? endings.first! : ".nii.gz" }

  mutating func write(_ item: FoundCase) throws(PreparationError) {
    let suffix = item.role == .test ? "Ts" : item.role == .labelled ? "Tr" : "Un"
    for (channel, image) in item.images.enumerated() {
      let place = try destination("images\(suffix)", "\(item.identifier)_\(String(format: "%04d", channel))")
      if try link(image, place) { continue }
      if case .made(let path) = image {
        try move(path, place)
        continue
      }
      let volume = try image.volume()
      try write(place) { (path) throws(VolumeError) in try writeVolume(volume, to: path) }
    }
    guard let label = item.label else { return }
    var map = try label.labels()
    let place = try destination("labels\(suffix)", item.identifier)
    if census.keeps(map), try link(label, place) { return }
    map.labels = map.labels.map { census.values[Int($0)] }
    try write(place) { (path) throws(VolumeError) in try writeLabels(map, to: path) }
  }

  private func destination(_ subfolder: String, _ name: String) throws(PreparationError) -> String {
    do throws(FileError) { try makeFolder("\(folder)/\(subfolder)") } catch { throw PreparationError(error.description) }
    return "\(folder)/\(subfolder)/\(name)"
  }

  /// Links a file that holds one volume and needs no other beside it.
  /// - Returns: whether it is one.
  private mutating func link(_ source: VoxelSource, _ place: String) throws(PreparationError) -> Bool {
    guard case .file(let path) = source, filesOfVolume(path).count == 1, let stem = imageStem(lastName(of: path)) else {
      return false
    }
    let ending = String(lastName(of: path).precomposedStringWithCanonicalMapping.dropFirst(stem.count)).lowercased()
    guard symlink(realPath(path), place + ending) == 0 else {
      throw PreparationError(
        "\(place + ending) cannot be made a link to \(path) (\(String(cString: strerror(errno)))): choose an output on a disk that has links."
      )
    }
    linked += 1
    endings.insert(ending)
    return true
  }

  private mutating func move(_ path: String, _ place: String) throws(PreparationError) {
    do throws(FileError) { try moveDurably(path, to: place + ".nii.gz") } catch { throw PreparationError(error.description) }
    written += 1
    endings.insert(".nii.gz")
  }

  private mutating func write(_ place: String, _ body: (String) throws(VolumeError) -> Void) throws(PreparationError) {
    try readingVolumes { () throws(VolumeError) in try body(place + ".nii.gz") }
    written += 1
    endings.insert(".nii.gz")
  }
}

/// Cases, labels, spacings, what was changed and left aside, and what to do next.
private func report(_ found: FoundDataset, _ census: LabelCensus, _ writer: CaseWriter, _ output: String) -> [String] {
  let roles = [CaseRole.labelled, .unlabelled, .test].map { role in (role, found.cases.count { $0.role == role }) }
  var lines = ["cases: " + roles.filter { $0.1 > 0 }.map { "\($1) \($0.rawValue)" }.joined(separator: ", ")]
  if census.labelMaps > 0 { lines.append("labels: \(shares(census)) of the voxels of \(census.labelMaps) label maps") }
  if !census.changes.isEmpty {
    lines.append("values changed: " + census.changes.map { "\($0.from) became \($0.to)" }.joined(separator: ", "))
  }
  lines.append("spacing, depth x height x width: \(spacings(census.spacings))")
  if let odd = unitSpacings(found, census) { lines.append(odd) }
  lines += found.notes + ["files: \(writer.linked) linked, \(writer.written) written"]
  let next =
    roles[0].1 > 0
    ? "cohort new \(output)"
    : roles[1].1 > 0
      ? "cohort choose \(output) --number 3"
      : "cohort predict --checkpoint RUN --input \(output)/imagesTs --output predictions"
  return lines + ["next: \(next)"]
}

/// Each class with its share of the voxels of all label maps.
private func shares(_ census: LabelCensus) -> String {
  var counts = [Int](repeating: 0, count: 256)
  for value in 0..<256 { counts[Int(census.values[value])] += census.counts[value] }
  let all = Double(counts.reduce(0, +)), names = census.meaning.classNames + (census.meaning.hasIgnored ? ["ignore"] : [])
  return names.enumerated().map { "\($1) \(String(format: "%.3g", 100 * Double(counts[$0]) / all)) %" }.joined(separator: ", ")
}

private func spacings(_ spacings: [Spacing]) -> String {
  let sorted = (0..<3).map { axis in spacings.map { $0[axis] }.sorted() }
  func at(_ place: (Int) -> Int) -> Spacing {
    Spacing(sorted[0][place(spacings.count)], sorted[1][place(spacings.count)], sorted[2][place(spacings.count)])
  }
  let (least, median, most) = (at { _ in 0 }, at { $0 / 2 }, at { $0 - 1 })
  return least == most ? "\(median)" : "median \(median), from \(least) to \(most)"
}

/// Some programs write 1 mm where they know nothing (as in AbdomenCT-1K): told where others have something else.
private func unitSpacings(_ found: FoundDataset, _ census: LabelCensus) -> String? {
  let units = found.cases.indices.filter { census.spacings[$0] == Spacing(1, 1, 1) }
  guard !units.isEmpty, units.count < found.cases.count else { return nil }
  return
    "warning: \(units.count) of \(found.cases.count) cases have exactly 1x1x1 mm where others have not, \(found.cases[units[0]].identifier) for one: look at their headers"
}
