// A whole data set from raw files to packs: what `cohort prepare` does, alone or on several processes. Cases whose files and settings did not change
// are taken over; one that cannot be made costs itself only; the folder of packs is at every moment either the old data set or the new one.

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
  /// A normalisation for each channel; nil standardises every channel over its crop.
  public var channels: [ChannelNormalization]?
  /// Settings from elsewhere, such as a plan of nnU-Net, in place of `spacing` and `channels`.
  public var settings: PreparationSettings?
  /// Whether a label whose origin differs a little from its image's is refused.
  public var isStrict: Bool

  public init(
    dataset: String, output: String, spacing: Spacing? = nil, channels: [ChannelNormalization]? = nil,
    settings: PreparationSettings? = nil, isStrict: Bool = false
  ) {
    (self.dataset, self.output, self.spacing) = (dataset, output, spacing)
    (self.channels, self.settings, self.isStrict) = (channels, settings, isStrict)
  }
}

/// What a preparation did.
public struct PreparationOutcome: Codable, Sendable, Equatable {
  /// Cases made anew, taken over from an earlier run, and dropped because the data set no longer has them.
  public var prepared = 0, unchanged = 0, removed = 0
  /// The cases that are in the packs now, of each role.
  public var counts: [CaseRole: Int] = [:]
  /// The cases that could not be prepared and are not in the packs.
  public var omitted: [OmittedCase] = []
  /// What people must know, a sentence each.
  public var warnings: [String] = []
  /// Why nobody can train on the packs, although they were made.
  public var problem: String?
  /// The spacing of the prepared arrays, mm.
  public var spacing: Spacing
}

/// Prepares every case of a data set into packs; a second run with the same inputs and settings writes nothing.
///
/// The first process talks to the folder of packs; the cases are shared out over the team, and their order in the index does not depend on it.
/// `report` receives one line of progress for each case that this process makes or cannot make. No label of an unlabelled case is read; that of a
/// test case is packed, for evaluation.
/// Errors: those of the data set as a whole, an output folder that cannot be written or holds something else. What is wrong with a case is in the
/// outcome.
public func prepareDataset(
  _ plan: PreparationPlan, team: some PreparationTeam = SoloTeam(), report: (String) -> Void
) throws -> PreparationOutcome {
  let dataset = try team.first { try openDataset(plan) }
  let bytes = dataset.cases.map { bytesOnDisk(files($0)) }
  let headers = try team.share(dataset.cases, bytes: bytes) { _, item in
    team.mark("headers of \(item.identifier)")
    return CaseHeaders(of: item, isStrict: plan.isStrict)
  }
  // Only the first process has one.
  var folder: PackFolder?
  let settings = try team.first {
    let settings = try chosenSettings(plan, dataset, headers)
    folder = try PackFolder(plan, dataset, settings, report: report)
    return settings
  }
  let sources = try team.share(Array(zip(dataset.cases, headers)), bytes: bytes) { _, source in
    team.mark("content of \(source.0.identifier)")
    return try CaseSource(source.0, problem: source.1.problem)
  }
  let orders = try team.first { try folder!.orders(sources, report: report) }
  let preparation = CasePreparation(settings: settings, labels: dataset.labels, isStrict: plan.isStrict)
  let total = orders.cases.count
  let made = try team.share(orders.cases, bytes: orders.cases.map { bytesOnDisk(files($0.item)) }) { number, order in
    team.mark(order.item.identifier)
    let made = try make(order, preparation, site: orders.site)
    report("\(number + 1) of \(total): \(order.item.identifier), \(order.item.role.rawValue), \(made.summary)")
    return made
  }
  return try team.first { try folder!.finish(made, settings: settings) }
}

/// The data set and the folder of its packs, which must have nothing to do with each other.
private func openDataset(_ plan: PreparationPlan) throws(PreparationError) -> Dataset {
  let dataset = try readingVolumes { () throws(VolumeError) in try Dataset.open(plan.dataset) }
  try refuseInputs(as: plan.output, dataset)
  return dataset
}

/// The files that may be read of a case: never the label of an unlabelled one.
package func files(_ item: DatasetCase) -> [String] {
  (item.images + [labelPath(item)].compactMap { $0 }).flatMap { filesOfVolume($0) }
}

/// The label file that may be read: never that of an unlabelled case.
package func labelPath(_ item: DatasetCase) -> String? { item.role == .unlabelled ? nil : item.label }

private func chosenSettings(
  _ plan: PreparationPlan, _ dataset: Dataset, _ headers: [CaseHeaders]
) throws(PreparationError) -> PreparationSettings {
  let grids = zip(dataset.cases, headers).filter { $0.0.role != .test }.compactMap { $0.1.grid }
  guard plan.settings != nil || plan.spacing != nil || !grids.isEmpty else {
    let reasons = headers.compactMap(\.problem).map { "\n  \($0)" }.joined()
    throw PreparationError("No image of \(plan.dataset) can be read, so nothing was done: mend these files.\(reasons)")
  }
  let settings =
    plan.settings
    ?? PreparationSettings(
      spacing: plan.spacing ?? targetSpacing(grids.map { ($0.extent, $0.spacing) }),
      planned: plan.channels.map { PlannedPreparation(axes: AxisOrder(start: .canonical), channels: $0) })
  try settings.validate()
  return settings
}

/// Makes a case as its pack. A case that cannot be made is a result; a folder that cannot be written is an error.
private func make(_ order: CaseOrder, _ preparation: CasePreparation, site: PackSite) throws(PreparationError) -> MadeCase {
  let item = order.item, prepared: PreparedCase
  do throws(PreparationError) {
    prepared = try preparation.prepare(
      identifier: item.identifier, role: item.role, images: item.images, label: labelPath(item))
  } catch { return MadeCase(entry: nil, problem: error.description, warnings: []) }
  let entry = try readingVolumes { () throws(VolumeError) in
    try site.write(prepared.packed, intensities: prepared.intensities, number: order.number, sourceHash: order.sourceHash)
  }
  return MadeCase(entry: entry, problem: nil, warnings: prepared.warnings)
}
