// Labels of the unlabelled volumes by registration with the labelled ones: each rank labels the volumes of its lanes that the bank lacks. A volume
// with which that fails gets no labels; it is named in registration.csv, and the run goes on.

import Cluster
import Foundation
import MPI
import Preparation
import Registration
import Tensors
import Volumes

struct RegistrationLabelling {
  /// Raised when the same volumes get other labels.
  private static let version = 2

  let configuration: RunConfiguration
  let store: CaseStore

  /// The bank of these labelled volumes, in which the labels of all `cases` are, and how well registration did with those of all ranks.
  /// Collective: throws the same on every rank.
  /// - Parameter cases: the unlabelled cases of this rank's lanes.
  func run(
    _ split: DataSplit, cases: Set<String>, over world: borrowing Communicator, console: Console
  ) throws -> (bank: PseudoLabelBank, table: RegistrationTable) {
    let started = ContinuousClock.now, millimetres = millimetres(split), bank = bank(split, millimetres)
    let made = try together(over: world) { _ in
      try label(cases.sorted(), by: split.labelled, at: millimetres, into: bank, console)
    }
    let known = try world.allreduce(UInt64(cases.count - made), .sum)
    let notes = try together(over: world) { _ in
      Dictionary(uniqueKeysWithValues: try cases.map { ($0, try bank.note(RegistrationNote.self, of: store.index.entry($0))) })
    }
    let table = try RegistrationTable(notes, over: world)
    try together(over: world) { world in if world.rank == 0 { try table.write(to: configuration.output) } }
    let seconds = (ContinuousClock.now - started).seconds.formatted(decimals: 1)
    console.print(
      "registration: \(table.lines.count) volumes labelled from \(split.labelled.count) at \(millimetres.formatted(decimals: 2)) mm, "
        + "\(known) of them were there, \(table.silent.count) get no labels, \(seconds) s")
    if let distrust = table.distrust { console.warn("registration gives no volume labels: \(distrust).") }
    for line in table.silent { console.warn("registration gives \(line.case) no labels: \(line.note.reason ?? "")") }
    return (bank, table)
  }

  private func bank(_ split: DataSplit, _ millimetres: Double) -> PseudoLabelBank {
    var hash = StateHash()
    hash.add(
      "registration \(Self.version) \(millimetres) \(configuration[RegistrationKeys.leastReturn]) \(store.index.classNames.count)"
    )
    for entry in split.labelled.map(store.index.entry) { hash.add("\(entry.imageChecksum) \(entry.labelChecksum)") }
    return PseudoLabelBank(key: "registration-" + String(hash.value, radix: 16), configuration)
  }

  /// The finest grid, the same for all volumes.
  private func millimetres(_ split: DataSplit) -> Double {
    let asked = configuration[RegistrationKeys.spacing]
    guard asked == 0 else { return asked }
    return Registration.millimetres(
      for: (split.labelled + split.unlabelled).map(store.index.entry).map { ($0.extent, $0.spacing) })
  }

  /// - Returns: how many volumes were labelled now.
  private func label(
    _ cases: [String], by labelled: [String], at millimetres: Double, into bank: PseudoLabelBank, _ console: Console
  ) throws -> Int {
    let missing = cases.filter { !bank.has(store.index.entry($0)) }
    guard !missing.isEmpty else { return 0 }
    let registration = Registration(millimetres: millimetres)
    let atlases = try labelled.map { identifier in
      let volume = try store.reader.read(identifier)
      return Atlas(image: registration.prepared(RegistrationImage(volume)), labels: volume.label ?? [])
    }
    let propagation = Propagation(
      registration: registration, classes: store.index.classNames.count, atlases: atlases,
      leastReturn: configuration[RegistrationKeys.leastReturn])
    for (number, identifier) in missing.enumerated() {
      Flight.mark(.prior, detail: identifier)
      let found = propagation.labels(of: registration.prepared(RegistrationImage(try store.reader.read(identifier))))
      try bank.write(
        PseudoLabelVolume(labels: found.labels.labels, certainty: found.labels.certainty), of: store.index.entry(identifier),
        note: RegistrationNote(found))
      console.progress("registration: volume \(number + 1) of \(missing.count)", isLast: number + 1 == missing.count)
    }
    return missing.count
  }
}

extension RegistrationImage {
  init(_ volume: PackedCase) {
    self.init(extent: volume.extent, spacing: volume.spacing, channels: volume.channels, values: volume.image)
  }
}
