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
    var (bank, table) = try pass(split, cases, over: world, console)
    let templates = try table.mostReliable(configuration[RegistrationKeys.templates]).map {
      (name: $0, labels: try labels(of: $0, in: bank, cases, over: world))
    }
    if !templates.isEmpty { (bank, table) = try pass(split, cases, templates: templates, over: world, console) }
    let found = table
    try together(over: world) { world in if world.rank == 0 { try found.write(to: configuration.output) } }
    if let distrust = table.distrust { console.warn("registration gives no volume labels: \(distrust).") }
    for line in table.silent { console.warn("registration gives \(line.case) no labels: \(line.note.reason ?? "")") }
    return (bank, table)
  }

  /// What the rank that draws a case has labelled it, on every rank: the others may keep their data elsewhere. Collective.
  private func labels(
    of identifier: String, in bank: PseudoLabelBank, _ cases: Set<String>, over world: borrowing Communicator
  ) throws -> [UInt8] {
    let owner = Int(try world.allreduce(cases.contains(identifier) ? UInt64(world.rank) : 0, .maximum))
    let own = try together(over: world) { world in
      world.rank == owner ? try bank.read(store.index.entry(identifier)).labels : []
    }
    return try world.broadcast(bytes: own, from: owner)
  }

  /// Labels every volume once.
  /// - Parameter templates: unlabelled volumes that vote as well, with their labels.
  private func pass(
    _ split: DataSplit, _ cases: Set<String>, templates: [(name: String, labels: [UInt8])] = [],
    over world: borrowing Communicator, _ console: Console
  ) throws -> (PseudoLabelBank, RegistrationTable) {
    let started = ContinuousClock.now, millimetres = millimetres(split),
      bank = bank(split, millimetres, templates.map(\.name))
    let made = try together(over: world) { world in
      let missing = cases.sorted().filter { !bank.has(store.index.entry($0)) }
      if !missing.isEmpty {
        try label(
          missing, by: try propagation(split.labelled, templates, millimetres), templates.map(\.name), into: bank,
          rank: world.rank, console)
      }
      return missing.count
    }
    let known = try world.allreduce(UInt64(cases.count - made), .sum)
    let notes = try together(over: world) { _ in
      Dictionary(uniqueKeysWithValues: try cases.map { ($0, try bank.note(RegistrationNote.self, of: store.index.entry($0))) })
    }
    let table = try RegistrationTable(notes, over: world)
    let seconds = (ContinuousClock.now - started).seconds.formatted(decimals: 1)
    let ways = templates.isEmpty ? "" : " by way of \(templates.count) others"
    console.print(
      clauses:
        "registration: \(table.lines.count) volumes labelled from \(split.labelled.count)\(ways) at \(millimetres.formatted(decimals: 2)) mm, "
        + "\(known) of them were there, \(table.silent.count) get no labels, \(seconds) s")
    return (bank, table)
  }

  private func bank(_ split: DataSplit, _ millimetres: Double, _ templates: [String]) -> PseudoLabelBank {
    var hash = StateHash()
    hash.add(
      "registration \(Self.version) \(millimetres) \(configuration[RegistrationKeys.leastReturn]) \(store.index.classNames.count)"
    )
    for entry in split.labelled.map(store.index.entry) { hash.add("\(entry.imageChecksum) \(entry.labelChecksum)") }
    for entry in templates.map(store.index.entry) { hash.add("template \(entry.imageChecksum)") }
    return PseudoLabelBank(key: "registration-" + String(hash.value, radix: 16), configuration)
  }

  /// The finest grid, the same for all volumes.
  private func millimetres(_ split: DataSplit) -> Double {
    let asked = configuration[RegistrationKeys.spacing]
    guard asked == 0 else { return asked }
    return Registration.millimetres(
      for: (split.labelled + split.unlabelled).map(store.index.entry).map { ($0.extent, $0.spacing) })
  }

  private func propagation(
    _ labelled: [String], _ templates: [(name: String, labels: [UInt8])], _ millimetres: Double
  ) throws -> Propagation {
    let registration = Registration(millimetres: millimetres)
    func atlas(_ identifier: String, _ labels: [UInt8]?) throws -> Atlas {
      let volume = try store.reader.read(identifier)
      return Atlas(image: registration.prepared(RegistrationImage(volume)), labels: labels ?? volume.label ?? [])
    }
    return Propagation(
      registration: registration, classes: store.index.classNames.count, atlases: try labelled.map { try atlas($0, nil) },
      leastReturn: configuration[RegistrationKeys.leastReturn], templates: try templates.map { try atlas($0.name, $0.labels) })
  }

  private func label(
    _ cases: [String], by propagation: Propagation, _ templates: [String], into bank: PseudoLabelBank, rank: Int,
    _ console: Console
  ) throws {
    for (number, identifier) in cases.enumerated() {
      Flight.mark(.prior, detail: identifier)
      try StopSignal.check(while: "labels were carried to the volumes")
      let image = propagation.registration.prepared(RegistrationImage(try store.reader.read(identifier)))
      let found = propagation.labels(of: image, template: templates.firstIndex(of: identifier))
      try bank.write(
        PseudoLabelVolume(labels: found.labels.labels, certainty: found.labels.certainty), of: store.index.entry(identifier),
        note: RegistrationNote(found), rank: rank)
      console.progress("registration: volume \(number + 1) of \(cases.count)", isLast: number + 1 == cases.count)
    }
  }
}

extension RegistrationImage {
  init(_ volume: PackedCase) {
    self.init(extent: volume.extent, spacing: volume.spacing, channels: volume.channels, values: volume.image)
  }
}
