// Prediction with several networks, mirror images and post-processing, on several ranks; what evaluation writes; what is refused.

import Foundation
import TestSupport
import Testing
import Volumes

private let extent = Extent(20, 24, 40)
private let grid = FileGrid(canonical: extent, spacing: Spacing(1, 1, 1))

/// Noise with a brighter ball around `centre`, and far from it a small one that has no label.
private func write(_ stem: String, in folder: String, seed: Int, centre: Double = 10, labelled: Bool = true, blank: Bool = false)
  throws
{
  var state = UInt64(seed), voxels: [Float] = [], labels: [UInt8] = []
  for d in 0..<extent.depth {
    for h in 0..<extent.height {
      for w in 0..<extent.width {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let place = SIMD3(Double(d), Double(h), Double(w)) - centre, isInside = (place * place).sum() < 110
        labels.append(isInside ? 1 : 0)
        let stray = SIMD3(Double(d - 10), Double(h - 12), Double(w - 35)), isBright = isInside || (stray * stray).sum() < 12
        voxels.append(blank ? 0 : 100 + Float(state >> 60) + (isBright ? 60 : 0))
      }
    }
  }
  for kind in ["images", "labels"] {
    try FileManager.default.createDirectory(atPath: folder + kind, withIntermediateDirectories: true)
  }
  let spacing = Spacing(1, 1, 1)
  try writeVolume(Volume(extent: extent, spacing: spacing, voxels: voxels, grid: grid), to: "\(folder)images/\(stem).nii.gz")
  if !labelled { return }
  try writeLabels(
    LabelVolume(extent: extent, spacing: spacing, labels: labels, grid: grid),
    to: "\(folder)labels/\(stem.split(separator: "_")[0]).nii.gz")
}

@Suite(
  .serialized,
  .sharedFolder { folder in
    let raw = folder + "/raw"
    for (number, name) in ["p01", "p02"].enumerated() { try write(name + "_0000", in: raw + "/Tr-", seed: number) }
    try write("p03_0000", in: raw + "/Un-", seed: 9, labelled: false)
    for (from, to) in [("Tr-images", "imagesTr"), ("Tr-labels", "labelsTr"), ("Un-images", "imagesUn")] {
      try FileManager.default.moveItem(atPath: "\(raw)/\(from)", toPath: "\(raw)/\(to)")
    }
    try Dataset.write(name: "balls", channelNames: ["MR"], classNames: ["background", "ball"], labelled: 2, to: raw)
    func cohort(_ arguments: [String]) throws {
      let (status, output) = try runAlone(arguments, executable: "cohort")
      try #require(status == 0, "\(arguments): \(output)")
    }
    try cohort(["prepare", raw, "--output", folder + "/packs"])
    for (name, method, more) in [
      ("cps", "cps", ["seed=1"]), ("fold", "supervised", ["seed=2"]),
      ("other", "supervised", ["patch=[16,32,16]", "augmentation.kind=none"]),
    ] {
      try """
      data: \(folder)/packs
      output: \(folder)/\(name)
      method: \(method)
      network: {name: unet3d, base: 2}
      patch: [16, 16, 32]
      steps: 150
      lanes: 1
      optimizer: {learningRate: 0.03}
      augmentation: {kind: flip, axes: [D, H]}

      """.write(toFile: "\(folder)/\(name).yaml", atomically: true, encoding: .utf8)
      try cohort(["train", "\(folder)/\(name).yaml"] + more)
    }
    for number in 0..<2 { try write("t0\(number)", in: folder + "/", seed: 20 + number, centre: 9 + 2 * Double(number)) }
  })
struct InferenceCommandTests {
  private let folder = TemporaryFolder()
  private var shared: String { SharedFolder.path }

  private func predict(
    _ ranks: Int, to output: String, checkpoints: [String] = ["cps"], input: String? = nil, _ more: [String] = []
  )
    throws -> (status: Int32, output: String)
  {
    let arguments =
      ["predict", "--input", input ?? shared + "/images", "--output", "\(folder.path)/\(output)"]
      + checkpoints.flatMap { ["--checkpoint", "\(shared)/\($0)"] } + more
    return try ranks == 1 ? runAlone(arguments, executable: "cohort") : mpirun(ranks, arguments, executable: "cohort")
  }

  private func bytes(_ output: String, _ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(output)/\(name)"))
  }

  /// Two volumes on three ranks: two share the windows of the first one.
  @Test func fewerVolumesThanRanksGiveTheSameBytes() throws {
    let more = ["--mirror", "D,H", "--networks", "both"]
    let alone = try predict(1, to: "alone", more), shared = try predict(3, to: "shared", more)
    #expect(alone.status == 0 && shared.status == 0, "\(alone.output)\(shared.output)")
    for name in ["t00.nii.gz", "t01.nii.gz", "prediction.json"] {
      #expect(try bytes("alone", name) == bytes("shared", name), "\(name)")
    }
    #expect(
      Set(try readLabels(folder.path + "/alone/t00.nii.gz").labels).count == 2, "both classes occur, so that bytes can differ")
    let one = try predict(3, to: "one", input: self.shared + "/images/t01.nii.gz", more)
    #expect(try one.status == 0 && bytes("alone", "t01.nii.gz") == bytes("one", "t01.nii.gz"), "\(one.output)")
    // Mirror images and the second network do something.
    for (name, more) in [
      ("plain", ["--networks", "both"]), ("student", ["--mirror", "D,H"]),
      ("second", ["--networks", "second", "--mirror", "D,H"]),
    ] {
      #expect(try predict(1, to: name, more).status == 0)
      #expect(try bytes(name, "t00.nii.gz") != bytes("alone", "t00.nii.gz"), "\(name)")
    }
  }

  @Test func severalCheckpointsPredictTogether() throws {
    #expect(try predict(1, to: "both", checkpoints: ["cps", "fold"]).status == 0)
    #expect(try predict(1, to: "twice", checkpoints: ["cps", "cps"]).status == 0)
    #expect(try predict(1, to: "once").status == 0)
    #expect(try bytes("both", "t00.nii.gz") != bytes("once", "t00.nii.gz"))
    #expect(try bytes("twice", "t00.nii.gz") == bytes("once", "t00.nii.gz"), "the mean of equal logits")
    #expect(String(decoding: try bytes("both", "prediction.json"), as: UTF8.self).contains("\"networks\":2"))
  }

  /// A file that cannot be predicted is named once, though two ranks read it.
  @Test func aBadFileOfATeamIsNamedOnce() throws {
    try write("a0", in: folder.path + "/", seed: 3)
    try write("b0", in: folder.path + "/", seed: 4, blank: true)
    let (status, text) = try predict(3, to: "out", input: folder.path + "/images")
    #expect(status == 3 && text.components(separatedBy: "b0.nii.gz holds only zeros").count == 2, "\(status): \(text)")
    #expect(FileManager.default.fileExists(atPath: folder.path + "/out/a0.nii.gz"))
  }

  @Test func whatCannotPredictTogetherIsRefused() throws {
    try
      "{\"postprocessing\": {\"largestForeground\": false, \"largestOf\": [[3]]}, \"diceBefore\": {}, \"diceAfter\": {}, \"cases\": 1}"
      .write(toFile: folder.path + "/foreign.json", atomically: true, encoding: .utf8)
    try "{}".write(toFile: folder.path + "/none.json", atomically: true, encoding: .utf8)
    for (checkpoints, more, fragment) in [
      (["cps"], ["--mirror", "W"], "mirrored only D, H"), (["other"], ["--mirror", "D"], "mirrored no axis"),
      (["cps", "other"], [], "they have other patches"), (["fold"], ["--networks", "second"], "only a run of method cps does"),
      (["cps"], ["--postprocess", folder.path + "/foreign.json"], "class 3, which the network does not predict"),
      (["cps"], ["--postprocess", folder.path + "/none.json"], "no decision of `cohort postprocess decide`"),
    ] as [([String], [String], String)] {
      let (status, text) = try predict(1, to: "out", checkpoints: checkpoints, more)
      #expect(status == 3 && text.contains(fragment) && text.components(separatedBy: "cohort: ").count == 2, "\(text)")
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"), "nothing is written")
    }
    #expect(try predict(1, to: "out", ["--mirror", "X"]).status != 0)
  }

  @Test func scoresAreWrittenByPhaseAndVendor() throws {
    let manifest = folder.path + "/manifest.csv", out = folder.path + "/scores"
    try "id,vendor,phase\nt00,A,late\n".write(toFile: manifest, atomically: true, encoding: .utf8)
    let evaluate = [
      "evaluate", "--predictions", shared + "/labels", "--references", shared + "/labels", "--output", out, "--manifest",
      manifest,
    ]
    for _ in 0..<2 {
      let (status, text) = try runAlone(evaluate, executable: "cohort")
      #expect(status == 0 && text.contains("warning: t01 has no row in \(manifest)"), "\(text)")
      #expect(text.contains(#/\nvendor +A +1 +1\.0000 /#), "\(text)")
    }
    let summary = try JSONSerialization.jsonObject(with: try bytes("scores", "summary.json")) as? [String: Any]
    #expect(((summary?["foreground_mean"] as? [String: Any])?["Dice"] as? Double) == 1)
    #expect(String(decoding: try bytes("scores", "scores.csv"), as: UTF8.self).contains("\nt00,t00,late,A,1,"))
    #expect(String(decoding: try bytes("scores", "means.csv"), as: UTF8.self).contains("\nphase,late,1,1,"))
    try "mine".write(toFile: out + "/means.csv", atomically: true, encoding: .utf8)
    let (status, text) = try runAlone(evaluate, executable: "cohort")
    #expect(
      try status == 3 && text.contains("means.csv is in the way") && bytes("scores", "means.csv") == Data("mine".utf8), "\(text)")
    for (bad, fragment) in [("vendor\nA\n", "no column id"), ("id\nt00\nt00\n", "is in a line above already")] {
      try bad.write(toFile: manifest, atomically: true, encoding: .utf8)
      let (status, text) = try runAlone(evaluate, executable: "cohort")
      #expect(status == 3 && text.contains(fragment), "\(text)")
    }
  }

  @Test func postprocessingIsDecidedAndDone() throws {
    let predictions = folder.path + "/predictions", file = folder.path + "/postprocessing.json"
    try FileManager.default.createDirectory(atPath: predictions, withIntermediateDirectories: true)
    for name in ["t00", "t01"] {
      var map = try readLabels("\(shared)/labels/\(name).nii.gz")
      map.labels[map.labels.count - 1] = 1
      try writeLabels(map, to: "\(predictions)/\(name).nii.gz")
    }
    let decide = ["postprocess", "decide", "--predictions", predictions, "--references", shared + "/labels", "--output", file]
    for _ in 0..<2 {
      let (status, text) = try runAlone(decide, executable: "cohort")
      #expect(status == 0 && text.contains("Only the largest part stays of: all foreground."), "\(text)")
    }
    #expect(try predict(1, to: "raw").status == 0 && predict(1, to: "done", ["--postprocess", file]).status == 0)
    let raw = try readLabels(folder.path + "/raw/t00.nii.gz").labels,
      done = try readLabels(folder.path + "/done/t00.nii.gz").labels
    #expect(zip(raw, done).allSatisfy { $0 == $1 || $1 == 0 } && raw != done)
    // The same is done to label maps that are there, once and again, and never in their own folder.
    let apply = ["postprocess", "apply", "--decision", file, "--predictions", folder.path + "/raw", "--output"]
    for _ in 0..<2 {
      let (status, text) = try runAlone(apply + [folder.path + "/applied"], executable: "cohort")
      #expect(status == 0, "\(text)")
      for name in ["t00.nii.gz", "t01.nii.gz", "prediction.json"] {
        #expect(try bytes("applied", name) == bytes("done", name), "\(name)")
      }
    }
    let own = try runAlone(apply + [folder.path + "/raw"], executable: "cohort")
    #expect(own.status == 3 && own.output.contains("so no label map is written into it"), "\(own.output)")
    try Data("mine".utf8).write(to: URL(fileURLWithPath: folder.path + "/applied/t01.nii.gz"))
    let taken = try runAlone(apply + [folder.path + "/applied"], executable: "cohort")
    #expect(taken.status == 3 && taken.output.contains("t01.nii.gz is in the way"), "\(taken.output)")
    try FileManager.default.removeItem(atPath: predictions + "/t01.nii.gz")
    let (status, text) = try runAlone(decide, executable: "cohort")
    #expect(status == 3 && text.contains("has no label map of t01"), "\(text)")
  }
}
