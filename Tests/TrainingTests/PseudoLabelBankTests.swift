// Pseudo-labels in files: what is written comes back, and what is not whole or belongs to another image counts as missing.

import Foundation
import Methods
import Preparation
import Tensors
import TestSupport
import Testing
import Training
import Volumes

@Suite struct PseudoLabelBankTests {
  private func volume(_ entry: PackEntry) -> PseudoLabelVolume {
    let count = entry.extent.count
    return PseudoLabelVolume(
      labels: (0..<count).map { UInt8($0 / 7 % 3) }, certainty: (0..<count).map { UInt8(truncatingIfNeeded: $0 / 3) })
  }

  private func withEntries(_ body: (String, [PackEntry]) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try TinyCohort.write(to: folder)
      try body(folder, try PackIndex(folder: folder).entries.filter { $0.role == .unlabelled })
    }
  }

  @Test func aVolumeHasTheLikeliestClassesAndTheirProbabilities() {
    let found = PseudoLabelVolume(probabilities: [0.2, 0.7, 0.1, 0.4, 0.2, 0.4, 0, 0, 1], classes: 3)
    // The first of equal ones; 0.7 · 255 = 178.5.
    #expect(found.labels == [1, 0, 2] && found.certainty == [UInt8((Float(0.7) * 255).rounded()), 102, 255])
  }

  @Test func uncertainVoxelsHaveNoLabel() {
    let volume = PseudoLabelVolume(labels: [1, 2, 0, 1], certainty: [255, 127, 128, 0])
    #expect(volume.labels(leastCertainty: 0) == volume.labels)
    #expect(volume.labels(leastCertainty: 0.5) == [1, 255, 0, 255], "0.5 · 255 = 127.5")
  }

  /// Voxels without a label are no part of the loss: what the network says of them changes nothing.
  @Test func voxelsWithoutALabelTeachNothing() {
    func value(_ last: Float) -> [Double] {
      let logits = Tensor([0.3, 0.1, 2, -1, last, 0.5], shape: [1, 1, 1, 3, 2]), tape = Tape(recording: false)
      let sample = Sample(identifier: "a", draw: 0, label: nil)
      let prediction = Prediction(sample: sample, logits: logits, probabilities: tape.softmax(logits))
      return pseudoLabelTerms([(prediction, [0, 1, 255])], weight: 1, readsPrior: false, on: tape).map(\.scalar.value)
    }
    #expect(value(0) == value(5) && value(0).count == 2 && value(0).allSatisfy { $0 > 0 })
  }

  @Test func whatIsWrittenComesBack() throws {
    try withEntries { folder, entries in
      for bank in [
        PseudoLabelBank(key: "k", data: folder, fallback: folder + "/run"), PseudoLabelBank(key: "k", ofRun: folder + "/run"),
        PseudoLabelBank(key: "k", data: folder + "/none", fallback: folder + "/other"),
      ] {
        #expect(!bank.has(entries[0]))
        let error = #expect(throws: TrainingError.self) { try bank.read(entries[0]) }
        #expect(error?.description.contains(entries[0].identifier) == true && error?.description.contains("pseudo-label") == true)
        try bank.write(volume(entries[0]), of: entries[0], rank: 0)
        #expect(bank.has(entries[0]) && !bank.has(entries[1]))
        #expect(try bank.read(entries[0]) == volume(entries[0]))
      }
      let paths = ["", "/run", "/other"].map { "\(folder)\($0)/pseudo-labels/k" }
      for path in paths { #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["\(entries[0].identifier).h5"]) }
    }
  }

  /// A run that was killed writes over what it left; runs and ranks that write at once do not meet.
  @Test func unfinishedFilesAreTheRuns() throws {
    try withEntries { folder, entries in
      func bank(_ run: String) -> PseudoLabelBank { PseudoLabelBank(key: "k", data: folder, fallback: folder + "/" + run) }
      let unfinished = bank("one").unfinishedPath(entries[0], rank: 0)
      #expect(unfinished == bank("one").unfinishedPath(entries[0], rank: 0))
      #expect(unfinished != bank("two").unfinishedPath(entries[0], rank: 0))
      #expect(unfinished != bank("one").unfinishedPath(entries[0], rank: 1))
      try bank("one").write(volume(entries[1]), of: entries[1], rank: 0)
      try "half".write(toFile: unfinished, atomically: true, encoding: .utf8)
      #expect(!bank("one").has(entries[0]))
      try bank("one").write(volume(entries[0]), of: entries[0], rank: 0)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/pseudo-labels/k").sorted()
      #expect(names == [entries[0], entries[1]].map { "\($0.identifier).h5" }.sorted())
    }
  }

  @Test func labelsOfAnotherImageAreNotTaken() throws {
    try withEntries { folder, entries in
      let bank = PseudoLabelBank(key: "k", ofRun: folder)
      try bank.write(volume(entries[0]), of: entries[0], rank: 0)
      var changed = entries[0]
      changed.imageChecksum = "0badcafe"
      #expect(!bank.has(changed))
      let error = #expect(throws: TrainingError.self) { try bank.read(changed) }
      #expect(error?.description.contains("another image") == true && error?.description.contains(bank.path(changed)) == true)
    }
  }

  @Test func aFileThatIsNotWholeCountsAsMissing() throws {
    try withEntries { folder, entries in
      let bank = PseudoLabelBank(key: "k", ofRun: folder), entry = entries[0], path = bank.path(entry)
      try bank.write(volume(entry), of: entry, rank: 0)
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      for bytes in [0, 100, whole.count / 2, whole.count - 1] {
        try whole.prefix(bytes).write(to: URL(fileURLWithPath: path))
        #expect(!bank.has(entry), "\(bytes) bytes")
        let error = #expect(throws: TrainingError.self) { try bank.read(entry) }
        #expect(error?.description.contains(entry.identifier) == true && error?.description.contains(path) == true)
      }
      try bank.write(volume(entry), of: entry, rank: 0)
      #expect(try bank.read(entry) == volume(entry))
      // Damage within: no other labels come back, and checksums tell of most of it.
      let spots = stride(from: whole.count / 8, to: whole.count, by: whole.count / 16)
      let found = try spots.map { spot -> PseudoLabelVolume? in
        var damaged = whole
        damaged[spot] ^= 0xFF
        try damaged.write(to: URL(fileURLWithPath: path))
        return try? bank.read(entry)
      }
      #expect(found.allSatisfy { $0 == nil || $0 == volume(entry) } && found.contains { $0 == nil })
    }
  }
}
