// What a validation on whole volumes found, case by case: Dice of each class, and pictures of the best, the median and the worst case.
// Every rank keeps slices of its own cases; rank 0 collects those that are shown.

import Cluster
import Foundation
import MPI
import Reports
import Volumes

/// The cases of a validation, as RUN/validation.json holds them.
public struct CaseTable: Codable, Sendable {
  public struct Case: Codable, Sendable {
    public let name: String
    /// Of each structure; nil where neither prediction nor reference has it.
    public let dice: [Double?]
    /// The mean of the structures that have one.
    public var mean: Double? {
      let known = dice.compactMap { $0 }
      return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }
  }
  /// Steps done, set when the table is written.
  public var step = 0
  public let isHeldOut: Bool
  /// Names of what is scored: classes but the background, or regions.
  public let structures: [String]
  /// Names of label values, by which pictures are coloured.
  public let classNames: [String]
  public let cases: [Case]
  /// On rank 0; none elsewhere.
  public let pictures: [CasePicture]
}

/// One case as pictures: image, reference and prediction side by side.
public struct CasePicture: Codable, Sendable {
  /// Best, median or worst.
  public let role: String
  public let name: String
  public let mean: Double
  /// Axial slices below each other, as a PNG file, and how many.
  public let strip: Data
  public let slices: Int
  public let stripWidth, stripHeight: Int
  /// The slice with the most labelled voxels, as a PNG file.
  public let overview: Data
  public let overviewWidth, overviewHeight: Int

  init(role: String, name: String, mean: Double, _ slices: CaseSlices) throws(ReportError) {
    let strip = try slices.strip(), overview = try slices.overview()
    (self.role, self.name, self.mean) = (role, name, mean)
    (self.strip, stripWidth, stripHeight) = (Data(strip.bytes), strip.width, strip.height)
    self.slices = strip.height / overview.height
    (self.overview, overviewWidth, overviewHeight) = (Data(overview.bytes), overview.width, overview.height)
  }

  /// The cases that are shown: of one case itself, of two the better and the worse.
  static func shown(_ cases: [CaseTable.Case]) -> [(role: String, name: String, mean: Double)] {
    let ranked = cases.compactMap { one in one.mean.map { (name: one.name, mean: $0) } }.sorted { $0.mean > $1.mean }
    guard let best = ranked.first, let worst = ranked.last else { return [] }
    let median = ranked[ranked.count / 2]
    return [("best", best.name, best.mean)] + (ranked.count > 2 ? [("median", median.name, median.mean)] : [])
      + (ranked.count > 1 ? [("worst", worst.name, worst.mean)] : [])
  }

  /// Draws the shown cases, each on the rank that has its slices. Collective.
  /// - Returns: the pictures on rank 0, none elsewhere.
  static func collect(
    _ cases: [CaseTable.Case], _ slices: [String: CaseSlices], over world: borrowing Communicator
  ) throws -> [CasePicture] {
    // What cannot be drawn is left out: pictures never end a run.
    let own = shown(cases).compactMap { role, name, mean in
      slices[name].flatMap { try? CasePicture(role: role, name: name, mean: mean, $0) }
    }
    let parts = try world.gather(bytes: Array((try? JSONEncoder().encode(own)) ?? Data()), to: 0) ?? []
    let all = parts.flatMap { (try? JSONDecoder().decode([CasePicture].self, from: Data($0))) ?? [] }
    return all.sorted { $0.mean > $1.mean }
  }
}

extension StageScores {
  /// Segments and scores whole volumes of the split's validation cases, and draws some of them. Collective.
  /// - Parameter labels: segments a volume.
  init(
    volumesOf split: DataSplit, _ store: CaseStore, over world: borrowing Communicator, labels: (PackedCase) -> [UInt8]
  ) throws {
    var slices: [String: CaseSlices] = [:]
    let scores = try ValidationScores(of: split.validation, store, over: world) { volume in
      let prediction = labels(volume)
      slices[volume.identifier] = CaseSlices(
        image: volume.channel(0), reference: volume.label ?? [], prediction: prediction, extent: volume.extent,
        spacing: volume.spacing)
      return prediction
    }
    let cases = zip(scores.cases, scores.dice).map { CaseTable.Case(name: $0, dice: $1) }, meaning = store.index.labels
    let table = CaseTable(
      isHeldOut: split.isHeldOut, structures: Array(meaning.structureNames.dropFirst()), classNames: store.index.classNames,
      cases: cases, pictures: try CasePicture.collect(cases, slices, over: world))
    self.init(scores, split, names: meaning.structureNames, cases: table)
  }
}
