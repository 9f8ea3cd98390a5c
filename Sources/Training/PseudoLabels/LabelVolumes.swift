// Labels of unlabelled volumes by a network, in a bank: each rank labels the volumes of its lanes that the bank lacks.

import Cluster
import Files
import Foundation
import MPI
import Preparation
import Reports
import Tensors
import Volumes

/// A work after which the unlabelled volumes have labels, for a stage with `pseudoLabels.kind: bank`.
protocol LabelsVolumes: Work {
  var bank: PseudoLabelBank { get }
}

/// What is labelled, and how.
struct VolumeLabelling {
  private static let drawnVolumes = 3

  let bank: PseudoLabelBank
  let store: CaseStore
  /// Class probabilities of a volume, [D, H, W, K].
  let probabilities: (PackedCase) -> [Float]
  private var classes: Int { store.index.classNames.count }

  /// Labels the cases of this rank that the bank lacks. Collective: throws the same on every rank.
  /// - Returns: how many of all ranks' cases were there already.
  func run(_ identifiers: [String], over world: borrowing Communicator, console: Console) throws -> Int {
    let missing = try together(over: world) { world in
      // What this run left when it was killed, and another one may have made since.
      for identifier in identifiers { unlink(bank.unfinishedPath(store.index.entry(identifier), rank: world.rank)) }
      let missing = identifiers.filter { !bank.has(store.index.entry($0)) }
      for (number, identifier) in missing.enumerated() {
        Flight.mark(.prior, detail: identifier)
        try StopSignal.check(while: "volumes were labelled")
        let volume = try store.reader.read(identifier)
        let labels = PseudoLabelVolume(probabilities: probabilities(volume), classes: classes)
        try bank.write(labels, of: store.index.entry(identifier), rank: world.rank)
        console.progress("pseudo-labels: volume \(number + 1) of \(missing.count)", isLast: number + 1 == missing.count)
      }
      return missing.count
    }
    return Int(try world.allreduce(UInt64(identifiers.count - missing), .sum))
  }

  /// The share of foreground, voxels of each class, and the mean certainty of the labels of `all` cases, of which this rank reads `own`. Collective.
  func numbers(of all: [String], own: [String], over world: borrowing Communicator) throws -> [String: Double] {
    // Volume by volume, since several ranks may have the same one.
    let own = Set(own), width = classes + 1
    var counts = [Double](repeating: 0, count: all.count * width)
    try together(over: world) { _ in
      for (place, identifier) in all.enumerated() where own.contains(identifier) {
        let volume = try bank.read(store.index.entry(identifier))
        for label in volume.labels { counts[place * width + Int(label)] += 1 }
        for certainty in volume.certainty { counts[place * width + classes] += Double(certainty) / 255 }
      }
    }
    try world.allreduce(&counts, .maximum)
    let sums = (0..<width).map { part in all.indices.reduce(0) { $0 + counts[$1 * width + part] } }
    let voxels = sums[..<classes].reduce(0, +)
    var numbers = ["foreground": 1 - sums[0] / voxels, "certainty": sums[classes] / voxels]
    for (name, count) in zip(store.index.classNames, sums) { numbers["voxels.\(name)"] = count }
    return numbers
  }

  /// Draws the labels of the first of some cases.
  func draw(_ identifiers: [String], run: String) throws {
    let folder = "\(run)/pseudo-labels"
    try makeFolder(folder)
    for identifier in identifiers.prefix(Self.drawnVolumes) {
      let volume = try store.reader.read(identifier), labels = try bank.read(store.index.entry(identifier)).labels
      try writeOverlay(
        image: Volume(extent: volume.extent, spacing: volume.spacing, voxels: volume.channel(0), grid: volume.frame.grid),
        reference: nil,
        prediction: LabelVolume(extent: volume.extent, spacing: volume.spacing, labels: labels, grid: volume.frame.grid),
        classNames: store.index.classNames, to: "\(folder)/\(identifier).png")
    }
  }
}

extension VolumeLabelling {
  /// Labels by SAM as it is now.
  init(_ setup: SAMSetup, into bank: PseudoLabelBank, _ store: CaseStore, _ configuration: RunConfiguration) {
    let labeller = SAMLabeller(setup)
    self.init(bank: bank, store: store) {
      labeller.probabilities(volume: $0, overlap: configuration.windowOverlap, weighting: configuration.windowWeighting)
    }
  }
}

extension PackIndex {
  /// The entry of a case that the index holds.
  func entry(_ identifier: String) -> PackEntry {
    guard let entry = entries.first(where: { $0.identifier == identifier }) else {
      fatalError("no case \(identifier) in the index: report this fault")
    }
    return entry
  }
}
