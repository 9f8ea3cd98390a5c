// Runs that learn from labels carried by registration: the same bytes on any number of ranks, after an interruption, and with volumes in
// between that cannot be registered.

import Foundation
import TestSupport
import Testing
import Training
import Volumes
import Weights

@Suite(.serialized) struct RegistrationRunTests {
  private let settings = ["steps=6", "labelled=[case-a]", "checkpoint.every=0"]
  private let pseudoLabels = ["method=supervised", "pseudoLabels=registration"]

  /// A volume of one slice, and one that is the same everywhere.
  private var hopeless: [PackedCase] {
    var (thin, flat) = (TinyCohort.phantom("scan-thin", .unlabelled), TinyCohort.phantom("scan-flat", .unlabelled))
    let extent = thin.extent, slice = Extent(1, extent.height, extent.width)
    (thin.extent, thin.image) = (slice, Array(thin.image.prefix(slice.count)))
    (thin.frame.originalExtent, thin.frame.cropExtent) = (slice, slice)
    thin.frame.grid = FileGrid(canonical: slice, spacing: thin.spacing)
    flat.image = flat.image.map { _ in 1 }
    return [thin, flat]
  }

  private func train(_ run: String, data: String, in folder: String, ranks: Int, _ overrides: [String]) throws -> String {
    let file = "\(folder)/\(run).yaml"
    try TinyCohort.runFile(data: data, output: "\(folder)/\(run)").write(toFile: file, atomically: true, encoding: .utf8)
    let (status, output) = try mpirun(ranks, ["train", file] + settings + overrides, timeout: 120, executable: "cohort")
    try #require(status == 0, "\(output)")
    return output
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  private func weights(_ run: String, in folder: String) throws -> [Float] {
    let path = "\(folder)/\(run).safetensors"
    let (status, output) = try runAlone(["checkpoint", "export", "\(folder)/\(run)", "--output", path], executable: "cohort")
    try #require(status == 0, "\(output)")
    return try Safetensors.read(path).sorted { $0.key < $1.key }.flatMap(\.value.values)
  }

  /// The folder of labels beside some data.
  private func bank(_ data: String) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: data + "/pseudo-labels")
    try #require(names.count == 1 && names[0].hasPrefix("registration-"))
    return "\(data)/pseudo-labels/\(names[0])"
  }

  /// Each number of ranks on data of its own, so that both register all volumes.
  @Test func pseudoLabelsDoNotDependOnTheRanks() throws {
    try withTemporaryFolder { folder in
      for ranks in [1, 3] {
        let data = "\(folder)/data-\(ranks)"
        try TinyCohort.write(to: data, more: hopeless)
        let output = try train("ranks-\(ranks)", data: data, in: folder, ranks: ranks, pseudoLabels)
        #expect(output.contains("registration gives scan-thin no labels: it is too thin"), "\(output)")
        #expect(output.contains("registration gives scan-flat no labels: it is the same everywhere"))
      }
      #expect(try weights("ranks-1", in: folder) == weights("ranks-3", in: folder))
      #expect(try bytes("\(folder)/ranks-1/registration.csv") == bytes("\(folder)/ranks-3/registration.csv"))
      let table = String(decoding: try bytes("\(folder)/ranks-1/registration.csv"), as: UTF8.self).split(separator: "\n")
      #expect(
        table.count == 1 + TinyCohort.unlabelled.count + 1 + 2,
        "a header, the unlabelled, the labelled one that counts as such, two more")
      #expect(table.count { $0.contains(",yes,") } >= 6, "\(table)")
      let (one, three) = (try bank(folder + "/data-1"), try bank(folder + "/data-3"))
      let files = try FileManager.default.contentsOfDirectory(atPath: one)
      #expect(files.count == table.count - 1)
      let index = try PackIndex(folder: folder + "/data-1")
      let banks = [(1, one), (3, three)].map { ranks, path in
        PseudoLabelBank(key: URL(fileURLWithPath: path).lastPathComponent, data: "\(folder)/data-\(ranks)", fallback: "")
      }
      for entry in index.entries where files.contains("\(entry.identifier).h5") {
        #expect(try banks[0].read(entry) == banks[1].read(entry))
      }
    }
  }

  /// The recipe for few labels, with two seeds by one command: the same bytes on any number of ranks.
  @Test func theRecipeForFewLabels() throws {
    try withTemporaryFolder { folder in
      let file = folder + "/few-labels.yaml"
      try recipe(named: "few-labels").yaml.write(toFile: file, atomically: true, encoding: .utf8)
      for ranks in [1, 3] {
        let data = "\(folder)/data-\(ranks)"
        try TinyCohort.write(to: data)
        let small = [
          "steps=2", "lanes=3", "patch=[16, 16, 32]", "network.base=1", "labelled=[case-a]", "checkpoint.every=0",
          "registration.templates=1",
        ]
        let (status, output) = try mpirun(
          ranks, ["train", file, "--seeds", "2,7", "data=\(data)", "output=\(folder)/ranks-\(ranks)"] + small, timeout: 120,
          executable: "cohort")
        try #require(status == 0, "\(output)")
        #expect(output.contains("8 of them were there"), "the second seed takes the labels of the first: \(output)")
      }
      let exported = try ["seed-2", "seed-7"].map { seed in
        try (1...3).filter { $0 != 2 }.map { try weights("ranks-\($0)/\(seed)", in: folder) }
      }
      #expect(exported.allSatisfy { $0[0] == $0[1] } && exported[0][0] != exported[1][0])
      let both = try ModelEnsemble(checkpoints: [folder + "/ranks-3"], networks: .student)
      #expect(both.models.map(\.path).map { $0.contains("seed-7") } == [false, true])
    }
  }

  /// Notes of two volumes with labels and one without.
  @Test func volumesThatShowNothingWhereLabelsEndAreNotBelieved() throws {
    func table(_ borders: [Double]) throws -> RegistrationTable {
      let notes = borders.enumerated().map { number, border in
        (
          "scan-\(number)",
          RegistrationNote(similarity: 0.8, thereAndBack: 0.9, atBorders: border, reason: border < 0.1 ? "it is alone" : nil)
        )
      }
      return try RegistrationTable(Dictionary(uniqueKeysWithValues: notes), over: .alone)
    }
    #expect(try table([0.4, 0.45, 0.8, 0.05]).distrust?.contains("0.56 times") == true)
    #expect(try table([0.4, 0.7, 0.8, 0.05]).distrust == nil && table([0.05]).distrust == nil)
    #expect(try table([0.4, 0.45, 0.8]).reliability == 0 && table([0.7, 0.8, 0.8]).reliability > 0.89)
  }

  @Test func whatIsThereIsTaken() throws {
    try withTemporaryFolder { folder in
      let data = folder + "/data"
      try TinyCohort.write(to: data)
      _ = try train("whole", data: data, in: folder, ranks: 1, pseudoLabels)
      let bank = try bank(data), lost = "\(bank)/scan-3.h5"
      try FileManager.default.removeItem(atPath: lost)
      let output = try train("again", data: data, in: folder, ranks: 2, pseudoLabels)
      #expect(output.contains("8 volumes labelled from 1 at 1.00 mm, 7 of them were there"), "\(output)")
      #expect(FileManager.default.fileExists(atPath: lost))
      #expect(try weights("again", in: folder) == weights("whole", in: folder))
      #expect(try bytes("\(folder)/again/registration.csv") == bytes("\(folder)/whole/registration.csv"))
    }
  }

  @Test func aPriorFromRegistration() throws {
    try withTemporaryFolder { folder in
      let data = folder + "/data"
      try TinyCohort.write(to: data)
      for method in ["relif", "prior-only"] {
        let output = try train(
          method, data: data, in: folder, ranks: 1, ["method=\(method)", "prior.kind=registration", "steps=12"])
        #expect(output.contains("prior: registration"), "\(output)")
        #expect(!output.contains("gives no gradient"), "\(output)")
      }
    }
  }
}
