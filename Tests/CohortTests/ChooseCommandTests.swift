// `cohort choose` on a cohort of two kinds of volumes: one of each is chosen, on any number of ranks, with or without labels.

import Foundation
import Kernels
import TestSupport
import Testing
import Volumes

private let extent = Extent(16, 18, 20), spacing = Spacing(2, 2, 2)

/// Blobs for kind a, stripes for kind b, each volume bent a little in its own way.
private func volume(_ name: String, number: Int) -> Volume {
  let shift = Double(number) * 0.7
  var voxels: [Float] = []
  for d in 0..<extent.depth {
    for h in 0..<extent.height {
      for w in 0..<extent.width {
        let p = SIMD3(Double(d) + 0.4 * sine(Double(h) / 3 + shift), Double(h) + 0.4 * cosine(Double(w) / 3 + shift), Double(w))
        let value =
          name.hasPrefix("a")
          ? exponential(-((p - SIMD3(5, 6, 6)) * (p - SIMD3(5, 6, 6))).sum() / 14)
            + 0.6 * exponential(-((p - SIMD3(10, 12, 13)) * (p - SIMD3(10, 12, 13))).sum() / 20)
          : 0.5 + 0.5 * sine((p[0] + 2 * p[2]) / 2.3) * cosine(p[1] / 2)
        voxels.append(Float(100 + 100 * value))
      }
    }
  }
  return Volume(extent: extent, spacing: spacing, voxels: voxels, grid: FileGrid(canonical: extent, spacing: spacing))
}

@Suite(
  .serialized,
  .sharedFolder { folder in
    for subfolder in ["imagesTr", "imagesUn"] {
      try FileManager.default.createDirectory(atPath: "\(folder)/raw/\(subfolder)", withIntermediateDirectories: true)
    }
    for (number, name) in ["a1", "a2", "a3", "b1", "b2", "b3", "b4"].enumerated() {
      let place = name.hasSuffix("1") ? "imagesTr" : "imagesUn"
      try writeVolume(volume(name, number: number), to: "\(folder)/raw/\(place)/\(name)_0000.nii.gz")
    }
    try Dataset.write(
      name: "two kinds", channelNames: ["MR"], classNames: ["background", "thing"], labelled: 0, to: folder + "/raw")
  })
struct ChooseCommandTests {
  private let folder = TemporaryFolder()

  private func choose(_ data: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
    try runAlone(["choose", data, "--output", folder.path + "/out"] + arguments, executable: "cohort")
  }

  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func oneOfEachKindOnAnyNumberOfRanks() throws {
    let raw = SharedFolder.path + "/raw"
    var found: [[String]] = []
    for ranks in [1, 3] {
      let out = "\(folder.path)/\(ranks)"
      let (status, output) = try mpirun(
        ranks, ["choose", raw, "--number", "2", "--output", out], timeout: 120, executable: "cohort")
      try #require(status == 0, "\(output)")
      #expect(output.contains("stands for 4 of 7 volumes, mean similarity 0."), "\(output)")
      found.append(try ["choice.csv", "volumes.csv"].map { try text("\(out)/\($0)") })
      #expect(FileManager.default.fileExists(atPath: out + "/choice.png"))
    }
    #expect(found[0] == found[1])
    let lines = found[0][0].split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
    #expect(lines.map { $0[1].first } == ["b", "a"], "the larger group first: \(lines)")
    #expect(lines.map { $0[2] } == ["4", "3"])
    for line in found[0][1].split(separator: "\n").dropFirst() {
      let fields = line.split(separator: ",")
      #expect(fields[0].first == fields[1].first, "\(line)")
    }
  }

  @Test func whatCannotBeComparedIsNamedAndTheRestGoesOn() throws {
    let raw = folder.path + "/raw"
    try FileManager.default.copyItem(atPath: SharedFolder.path + "/raw", toPath: raw)
    var flat = volume("a9", number: 9)
    flat.voxels = flat.voxels.map { _ in 7 }
    try writeVolume(flat, to: raw + "/imagesUn/c1_0000.nii.gz")
    let (status, output) = try choose(raw, ["--number", "1"])
    #expect(status == 3)
    #expect(
      output.contains("1 of 8 cases is not compared")
        && output.contains("c1_0000.nii.gz cannot be compared, it is the same everywhere"), "\(output)")
    #expect(try text(folder.path + "/out/choice.csv").contains("\n1,b"))
    let again = try choose(raw, ["--number", "8"])
    #expect(again.status == 3)
    #expect(again.output.contains("--number is 8, but 7 of 8 volumes can be compared"), "\(again.output)")
  }

  @Test func badInput() throws {
    #expect(try choose(folder.path + "/nowhere", ["--number", "1"]).output.contains("There is no data set folder"))
    try FileManager.default.createDirectory(atPath: folder.path + "/out", withIntermediateDirectories: true)
    try "mine".write(toFile: folder.path + "/out/choice.csv", atomically: true, encoding: .utf8)
    let (status, output) = try choose(SharedFolder.path + "/raw", ["--number", "1"])
    #expect(status == 3 && output.contains("choice.csv is in the way"), "\(output)")
    #expect(try text(folder.path + "/out/choice.csv") == "mine")
  }
}
