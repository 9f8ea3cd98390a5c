// A whole data set from raw files to packs: what `cohort prepare` does. Cases whose files and settings did not change are taken over; the folder
// of packs is at every moment either the old data set or the new one (PackWriter).

import Foundation
import Volumes

/// What to prepare, and how.
public struct PreparationPlan: Codable, Sendable {
  /// The folder with dataset.json.
  public var dataset: String
  /// The folder of packs.
  public var output: String
  /// The spacing of the prepared arrays, mm; nil takes the median of the data set.
  public var spacing: Spacing?
  public var normalization: Normalization

  public init(dataset: String, output: String, spacing: Spacing? = nil, normalization: Normalization = .wholeCrop) {
    (self.dataset, self.output, self.spacing, self.normalization) = (dataset, output, spacing, normalization)
  }
}

/// What a preparation did.
public struct PreparationOutcome: Codable, Sendable, Equatable {
  /// Cases made anew, taken over from an earlier run, and dropped because the data set no longer has them.
  public var prepared, unchanged, removed: Int
  /// The spacing of the prepared arrays, mm.
  public var spacing: Spacing
}

/// Prepares every case of a data set into packs; a second run with the same inputs and settings writes nothing.
///
/// `report` receives one line of progress for each case that is made. No label of an unlabelled case is read; that of a test case is packed, for
/// evaluation. Errors: those of the data set and of `CasePreparation.prepare`, an output folder that cannot be written.
public func prepareDataset(_ plan: PreparationPlan, report: (String) -> Void) throws(PreparationError) -> PreparationOutcome {
  let dataset = try readingVolumes { () throws(VolumeError) in try Dataset.open(plan.dataset) }
  let spacing = if let spacing = plan.spacing { spacing } else { try medianSpacing(dataset) }
  let settings = PreparationSettings(spacing: spacing, normalization: plan.normalization)
  try settings.validate()
  var sources: [(item: DatasetCase, hash: String)] = []
  for item in dataset.cases { sources.append((item, try sourceHash(item))) }
  let previous = try? PackIndex(folder: plan.output)
  let names = Set(sources.map(\.item.identifier))
  var outcome = PreparationOutcome(
    prepared: 0, unchanged: 0, removed: previous?.entries.filter { !names.contains($0.identifier) }.count ?? 0,
    spacing: settings.spacing)
  if let previous, isCurrent(previous, dataset, settings, sources, folder: plan.output) {
    outcome.unchanged = sources.count
    return outcome
  }
  let writer = try readingVolumes { () throws(VolumeError) in
    try PackWriter(
      folder: plan.output, preparation: settings.text, classNames: dataset.classNames, channelNames: dataset.channelNames)
  }
  let preparation = CasePreparation(settings: settings, classNames: dataset.classNames)
  for (number, source) in sources.enumerated() {
    let item = source.item
    if try readingVolumes({ () throws(VolumeError) in
      try writer.keep(item.identifier, role: item.role, sourceHash: source.hash)
    }) {
      outcome.unchanged += 1
      continue
    }
    let prepared = try preparation.prepare(
      identifier: item.identifier, role: item.role, images: item.images, label: labelPath(item)
    ).packed
    try readingVolumes { () throws(VolumeError) in try writer.add(prepared, sourceHash: source.hash) }
    outcome.prepared += 1
    report("\(number + 1) of \(sources.count): \(item.identifier), \(item.role.rawValue), \(prepared.extent) voxels")
  }
  try readingVolumes { () throws(VolumeError) in try writer.finish() }
  return outcome
}

/// The label file that may be read: never that of an unlabelled case.
private func labelPath(_ item: DatasetCase) -> String? { item.role == .unlabelled ? nil : item.label }

/// A text that changes when the content of any file of the case does.
private func sourceHash(_ item: DatasetCase) throws(PreparationError) -> String {
  var hashes: [String] = []
  for path in item.images + (labelPath(item).map { [$0] } ?? []) {
    hashes.append(try readingVolumes { () throws(VolumeError) in try fileHash(path) })
  }
  return hashes.joined(separator: "+")
}

private func medianSpacing(_ dataset: Dataset) throws(PreparationError) -> Spacing {
  var grids: [(extent: Extent, spacing: Spacing)] = []
  for item in dataset.cases where item.role != .test {
    let grid = try readingVolumes { () throws(VolumeError) in try readGrid(item.images[0]) }
    grids.append((grid.extent, grid.spacing))
  }
  return targetSpacing(grids)
}

/// Whether the packs hold exactly these cases, made from these files with these settings.
private func isCurrent(
  _ index: PackIndex, _ dataset: Dataset, _ settings: PreparationSettings, _ sources: [(item: DatasetCase, hash: String)],
  folder: String
) -> Bool {
  index.preparation == settings.text && index.classNames == dataset.classNames && index.channelNames == dataset.channelNames
    && index.entries.count == sources.count
    && sources.allSatisfy { source in
      guard let entry = index[source.item.identifier] else { return false }
      return entry.role == source.item.role && entry.sourceHash == source.hash
        && FileManager.default.fileExists(atPath: "\(folder)/\(entry.pack)")
    }
}
