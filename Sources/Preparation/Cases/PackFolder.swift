// The folder of packs while a data set is prepared, as the first process of a team sees it: what is taken over, what must be made, what came of it.

import Files
import Foundation
import Volumes

/// What every process must know to make cases.
struct PackOrders: Codable {
  let site: PackSite
  let cases: [CaseOrder]
}

/// A folder of packs, locked against other preparations.
final class PackFolder {
  private let writer: PackWriter
  private let plan: PreparationPlan
  private let dataset: Dataset
  private var kept: [String: PackEntry] = [:]
  private var omitted: [OmittedCase] = []
  private var orders: [CaseOrder] = []

  init(
    _ plan: PreparationPlan, _ dataset: Dataset, _ settings: PreparationSettings, report: (String) -> Void
  ) throws(PreparationError) {
    (self.plan, self.dataset) = (plan, dataset)
    writer = try readingVolumes { () throws(VolumeError) in
      try PackWriter(
        folder: plan.output, preparation: settings.text, labels: dataset.labels, channelNames: dataset.channelNames,
        dataset: dataset.folder, waiting: report)
    }
  }

  /// Decides what is taken over; the others are to be made. `report` gets a line for each case that is already known to be impossible.
  func orders(_ sources: [CaseSource], report: (String) -> Void) throws(PreparationError) -> PackOrders {
    let sound = sources.filter { $0.problem == nil }
    try readingVolumes { () throws(VolumeError) in
      try writer.requireSameDataset(Dictionary(uniqueKeysWithValues: sound.map { ($0.item.identifier, $0.hash) }))
    }
    for source in sources {
      let item = source.item
      if let problem = source.problem {
        omit(item, problem)
        report("\(item.identifier), \(item.role.rawValue), left out: \(problem)")
      } else if let entry = writer.kept(item.identifier, role: item.role, sourceHash: source.hash) {
        kept[item.identifier] = entry
      } else {
        orders.append(CaseOrder(item: item, sourceHash: source.hash, number: writer.reserve()))
      }
    }
    return PackOrders(site: writer.site, cases: orders)
  }

  /// Puts the index in place. Where no case could be made, the folder stays as it was.
  ///
  /// - Parameter made: what came of the orders, in their order.
  func finish(_ made: [MadeCase], settings: PreparationSettings) throws(PreparationError) -> PreparationOutcome {
    var entries = kept, outcome = PreparationOutcome(spacing: settings.spacing)
    for (order, result) in zip(orders, made) {
      if let entry = result.entry { entries[order.item.identifier] = entry } else { omit(order.item, result.problem ?? "") }
    }
    omitted.sort { $0.identifier < $1.identifier }
    (outcome.prepared, outcome.unchanged, outcome.omitted) = (entries.count - kept.count, kept.count, omitted)
    outcome.warnings = dataset.warnings
    guard !entries.isEmpty else { return outcome }
    let left = try readingVolumes { () throws(VolumeError) in
      for item in dataset.cases {
        guard var entry = entries[item.identifier] else { continue }
        entry.origin = item.origin
        try writer.append(entry)
      }
      return try writer.finish(omitted: omitted)
    }
    outcome.removed = writer.removed.count
    outcome.counts = entries.values.reduce(into: [:]) { $0[$1.role, default: 0] += 1 }
    tell(&outcome, made, left: left)
    let folds = try readingVolumes { () throws(VolumeError) in try CrossValidation.keep(in: plan.output) }
    outcome.warnings += [folds].compactMap { $0 }
    return outcome
  }

  private func omit(_ item: DatasetCase, _ problem: String) {
    omitted.append(OmittedCase(identifier: item.identifier, role: item.role, reason: problem))
  }

  /// What the cases' files, their intensities and their labels give cause to say.
  private func tell(_ outcome: inout PreparationOutcome, _ made: [MadeCase], left: Int) {
    var found = made.flatMap(\.warnings)
    found += outliers(
      in: writer.index.entries.map { CaseFacts(identifier: $0.identifier, grid: $0.frame.grid, intensities: $0.intensities) })
    do throws(PreparationError) { found += try labelWarnings(in: writer.index) } catch { outcome.problem = error.description }
    outcome.warnings += listed(found, limit: 20)
    if left > 0, omitted.isEmpty {
      outcome.warnings.append(
        "\(left) packs of an earlier preparation stay in \(plan.output), since a run reads the folder, or its file system has no locks to tell: prepare again when no run needs them, and they go."
      )
    }
  }
}

/// Refuses an output that is an input: the data set's folder, one of its folders, a place in one of them, or where its files really lie.
func refuseInputs(as output: String, _ dataset: Dataset) throws(PreparationError) {
  let folders = [dataset.folder] + Dataset.subfolders.map { "\(dataset.folder)/\($0)" }
  let homes = Set(dataset.cases.flatMap { files($0) }.map { parentFolder(of: realPath($0)) })
  guard !folders.contains(where: { FileManager.default.fileExists(atPath: $0) && isInside(output, $0) }),
    !homes.contains(where: { isSamePlace(output, $0) })
  else {
    throw PreparationError(
      "The folder of packs \(output) lies in the data set \(dataset.folder) or holds its files: choose another --output, outside of it."
    )
  }
}
