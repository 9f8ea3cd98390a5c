// SAM's labels of unlabelled volumes: each rank labels the volumes of its lanes that the bank lacks.

import Cluster
import Foundation
import MPI
import Preparation
import Tensors
import Volumes

/// What is labelled, and how.
struct VolumeLabelling {
  let labeller: SAMLabeller
  let bank: PseudoLabelBank
  let store: CaseStore
  let overlap: Double
  let weighting: WindowWeighting

  /// Labels the cases of this rank that the bank lacks. Collective: throws the same on every rank.
  /// - Returns: how many of all ranks' cases were there already.
  func run(_ identifiers: [String], over world: borrowing Communicator, console: Console) throws -> Int {
    let missing = try together(over: world) { _ in
      // What this run left when it was killed, and another one may have made since.
      for identifier in identifiers { unlink(bank.unfinishedPath(store.index.entry(identifier))) }
      let missing = identifiers.filter { !bank.has(store.index.entry($0)) }
      for (number, identifier) in missing.enumerated() {
        Flight.mark(.prior, detail: identifier)
        let volume = try store.reader.read(identifier)
        let probabilities = labeller.probabilities(volume: volume, overlap: overlap, weighting: weighting)
        try bank.write(
          PseudoLabelVolume(probabilities: probabilities, classes: probabilities.count / volume.extent.count),
          of: store.index.entry(identifier))
        console.progress("pseudo-labels: volume \(number + 1) of \(missing.count)", isLast: number + 1 == missing.count)
      }
      return missing.count
    }
    return Int(try world.allreduce(UInt64(identifiers.count - missing), .sum))
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
