// `cohort new`: a person's folder becomes a run file that trains, and channels are normalised as their names or the person ask for.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite(
  .serialized,
  .sharedFolder { folder in
    let (status, output) = try runAlone(
      ["synthesize", "--output", folder + "/heart", "--subjects", "5", "--labelled", "2", "--seed", "3", "--spacing", "4"],
      executable: "cohort")
    try #require(status == 0, "\(output)")
  })
struct NewCommandTests {
  var raw: String { SharedFolder.path + "/heart" }

  @Test func aFolderBecomesARunThatTrains() throws {
    try withTemporaryFolder { folder in
      let file = folder + "/heart.yaml", packs = folder + "/heart-packs"
      let new = ["new", raw, "--output", file, "--packs", packs, "--ranks", "2", "--threads", "1"]
      let (status, output) = try runAlone(new, executable: "cohort")
      #expect(status == 0 && output.contains("On 2 ranks of 1 thread a step takes about"), "\(output)")
      #expect(output.contains("Registration before the first step takes about"), "\(output)")
      #expect(output.contains("mpirun -n 2 cohort train \(file)"), "\(output)")
      let text = try String(contentsOfFile: file, encoding: .utf8)
      #expect(text.contains("2 labelled, ") && text.contains("pseudoLabels: registration"), "\(text)")
      let train = try mpirun(
        2, ["train", file, "output=\(folder)/run", "steps=2", "network.base=2", "validation.every=0"], executable: "cohort")
      #expect(train.status == 0, "\(train.output)")
      let again = try runAlone(new, executable: "cohort")
      #expect(again.status == 3 && again.output.contains("\(file) is there already"), "\(again.output)")
      #expect(try String(contentsOfFile: file, encoding: .utf8) == text)
      // Packs are taken as they are.
      let fromPacks = try runAlone(["new", packs, "--output", folder + "/other.yaml"], executable: "cohort")
      #expect(fromPacks.status == 0 && !fromPacks.output.contains("prepared"), "\(fromPacks.output)")
    }
  }

  /// The voxels of the first channel of every case.
  private func voxels(_ packs: String) throws -> [[Float]] {
    let reader = try PackReader(folder: packs)
    return try PackIndex(folder: packs).entries.map { try reader.read($0.identifier).channel(0) }
  }

  @Test(arguments: [1, 2]) func channelsAreNormalisedAsAsked(ranks: Int) throws {
    try withTemporaryFolder { folder in
      func prepare(_ name: String, _ options: [String]) throws -> [[Float]] {
        let arguments: [String] = ["prepare", raw, "--output", "\(folder)/\(name)"] + options
        let (status, output) = try mpirun(ranks, arguments, executable: "cohort")
        #expect(status == 0, "\(output)")
        return try voxels("\(folder)/\(name)")
      }
      let plain = try prepare("none", ["--normalization", "none"]), ct = try prepare("ct", ["--normalization", "ct"])
      // One line for all cases: what lies between the data set's percentiles is scaled alike in each, what lies beyond is cut off.
      let (low, high) = (ct.joined().min()!, ct.joined().max()!)
      let inner = zip(plain.joined(), ct.joined()).filter { low + 1e-3 < $0.1 && $0.1 < high - 1e-3 }
      let slope = (inner[0].1 - inner.last!.1) / (inner[0].0 - inner.last!.0)
      #expect(inner.count > 100 && slope.isFinite)
      #expect(inner.allSatisfy { abs($0.1 - inner[0].1 - slope * ($0.0 - inner[0].0)) < 1e-2 })
      #expect(ct.joined().count { $0 == low } > 1 && high < (plain.joined().max()! - inner[0].0) * slope + inner[0].1)
    }
  }

  @Test func channelsNamedCTAreNormalisedSo() throws {
    try withTemporaryFolder { folder in
      let data = folder + "/data", description = data + "/dataset.json"
      try FileManager.default.copyItem(atPath: raw, toPath: data)
      let text = try String(contentsOfFile: description, encoding: .utf8)
      try text.replacingOccurrences(of: "\"phantom\"", with: "\"CT\"").write(
        toFile: description, atomically: true, encoding: .utf8)
      for (name, options) in [("named", [String]()), ("asked", ["--normalization", "ct"])] {
        let (status, output) = try runAlone(["prepare", data, "--output", "\(folder)/\(name)"] + options, executable: "cohort")
        #expect(status == 0, "\(output)")
      }
      #expect(try PackIndex(folder: folder + "/named").preparation == PackIndex(folder: folder + "/asked").preparation)
      #expect(try PackIndex(folder: folder + "/named").preparation.contains("CTNormalization"))
      let refused = try runAlone(
        ["prepare", data, "--output", folder + "/x", "--normalization", "ct,zscore"], executable: "cohort")
      #expect(refused.status == 3 && refused.output.contains("2 choices"), "\(refused.output)")
    }
  }
}
