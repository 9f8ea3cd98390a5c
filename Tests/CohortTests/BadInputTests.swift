// The command with bad input: one clear sentence, a non-zero exit code, nothing lost, no rank left behind.

import Foundation
import TestSupport
import Testing
import Volumes

@Suite(
  .serialized,
  .sharedFolder { folder in
    for arguments in [
      ["synthesize", "--output", folder + "/raw", "--subjects", "8", "--labelled", "2", "--seed", "3", "--spacing", "4"],
      ["prepare", folder + "/raw", "--output", folder + "/packs"],
    ] {
      let (status, output) = try runAlone(arguments, executable: "cohort")
      try #require(status == 0, "\(output)")
    }
  })
struct BadInputTests {
  /// A raw and a prepared cohort of small phantoms.
  var raw: String { SharedFolder.path + "/raw" }
  var packs: String { SharedFolder.path + "/packs" }

  func cohort(_ arguments: [String]) throws -> (status: Int32, output: String) {
    try runAlone(arguments, executable: "cohort")
  }

  /// The command fails with one line that contains all fragments.
  func expectSentence(_ arguments: [String], _ fragments: [String]) throws {
    let (status, output) = try cohort(arguments)
    let lines = output.split(separator: "\n").filter { $0.hasPrefix("cohort: ") }
    #expect(status != 0 && lines.count == 1, "\(arguments): \(output)")
    for fragment in fragments { #expect(output.contains(fragment), "\(arguments): \(output)") }
    #expect(!output.contains("Fatal error") && !output.contains("crashed"))
  }

  func runFile(_ folder: String, _ lines: [String: String] = [:]) throws -> String {
    var keys = [
      "data": packs, "output": folder + "/run", "network": "{name: unet3d, base: 2}", "patch": "[16, 16, 32]", "steps": "2",
      "lanes": "2", "prior": "{kind: none}",
    ]
    keys.merge(lines) { $1 }
    let path = folder + "/run.yaml"
    try keys.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\n" }.joined().write(
      toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func runFiles() throws {
    try withTemporaryFolder { folder in
      try expectSentence(["train", folder + "/none.yaml"], ["none.yaml", "cannot read"])
      try expectSentence(["train", try runFile(folder, ["stepz": "3"])], ["stepz", "steps"])
      try expectSentence(["train", try runFile(folder), "steps=soon"], ["steps", "soon"])
      try expectSentence(["train", try runFile(folder, ["patch": "[16, 16, 20]"])], ["width 20", "16", "32"])
      for patch in ["[4096, 4096, 4096]", "[1024, 1024, 1024]"] {
        try expectSentence(["train", try runFile(folder, ["patch": patch])], ["GiB left", "smaller patch"])
      }
      try expectSentence(["train", try runFile(folder, ["data": folder + "/nowhere"])], ["nowhere"])
      try expectSentence(["train", try runFile(folder, ["validation": "{cases: [subject_0009]}"])], ["subject_0009"])
      try expectSentence(
        ["train", try runFile(folder, ["validation": "{cases: [subject_0001, subject_0002]}"])], ["no labelled case"])
      #expect(!FileManager.default.fileExists(atPath: folder + "/run"), "nothing was made for a run that never began")
    }
  }

  @Test(arguments: [1, 2]) func optionsOfAnotherMethodAreNamedOnceAndLeftOut(ranks: Int) throws {
    try withTemporaryFolder { folder in
      let file = try runFile(folder, ["method": "{name: relif, kl: {weight: 0.2}}", "steps": "1"])
      let arguments = ["train", file, "method=supervised"]
      let (status, output) =
        ranks == 1 ? try cohort(arguments) : try mpirun(ranks, arguments, timeout: 60, executable: "cohort")
      let parts = output.components(separatedBy: "method.kl.weight is left out, because method supervised has no such option.")
      #expect(status == 0 && parts.count == 2, "\(output)")
    }
  }

  @Test func aPatchLargerThanTheVolumeIsPadded() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try cohort(["train", try runFile(folder, ["patch": "[32, 32, 64]", "steps": "1", "lanes": "1"])])
      #expect(status == 0, "\(output)")
    }
  }

  @Test(arguments: [2, 3]) func onSeveralRanksTheMessageAppearsOnce(ranks: Int) throws {
    try withTemporaryFolder { folder in
      let (status, output) = try mpirun(ranks, ["train", try runFile(folder, ["stepz": "3"])], timeout: 30, executable: "cohort")
      #expect(status == 3 && output.components(separatedBy: "stepz").count == 2, "\(output)")
    }
  }

  @Test func moreRanksThanLanes() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try mpirun(3, ["train", try runFile(folder)], timeout: 30, executable: "cohort")
      #expect(status != 0 && output.contains("2 lanes") && output.components(separatedBy: "cohort: ").count == 2, "\(output)")
    }
  }

  @Test func anUnwritableOutputFolder() throws {
    try withTemporaryFolder { folder in
      try Data().write(to: URL(fileURLWithPath: folder + "/file"))
      try expectSentence(["train", try runFile(folder, ["output": folder + "/file/run"])], ["file/run"])
      try expectSentence(["synthesize", "--output", folder + "/file/x"], ["file/x"])
      try expectSentence(["prepare", self.raw, "--output", folder + "/file/x"], ["file/x"])
    }
  }

  @Test func figuresAndScoresUnderBias() throws {
    try withTemporaryFolder { folder in
      #expect(try cohort(["train", try runFile(folder)]).status == 0)
      let run = folder + "/run", images = raw + "/imagesTs", references = raw + "/labelsTs"
      let cam = ["report", "gradcam", "--checkpoint", run, "--input", images, "--output", folder + "/cam"]
      try expectSentence(cam + ["--class", "99"], ["--class 99", "choose one"])
      try expectSentence(["report", "sobf", "--input", packs, "--cases", "nobody", "--output", folder + "/s.png"], ["nobody"])
      try expectSentence(
        [
          "report", "compare", "--images", images, "--references", references, "--predictions", raw + "/labelsTr", "--output",
          folder,
        ],
        ["labelsTr", "no label map of"])
      let bias = ["evaluate", "--checkpoint", run, "--input", images, "--bias", "0.1,0.1", "--references"]
      try expectSentence(bias + [raw + "/labelsTr"], ["no label map of"])
      let (status, output) = try mpirun(2, bias + [raw + "/labelsTr"], timeout: 60, executable: "cohort")
      #expect(status == 3 && output.components(separatedBy: "cohort: ").count == 2, "\(output)")
      #expect(try cohort(["evaluate", "--references", references, "--bias", "1.5,0"]).status != 0)
      #expect(try cohort(["evaluate", "--references", references]).output.contains("give --predictions"))
    }
  }

  @Test func stitchedCanvases() throws {
    try withTemporaryFolder { folder in
      let picture = folder + "/s.png"
      func stitch(_ options: [String], patch: String = "16,16,16", to output: String? = nil) -> [String] {
        ["report", "stitch", "--data", packs, "--patch", patch, "--output", output ?? picture] + options
      }
      let one = ["--case", "subject_0001"]
      try expectSentence(stitch(["--case", "nobody"]), ["nobody"])
      try expectSentence(stitch(one, patch: "100,112,112"), ["do not fit on a canvas of 1024", "100x102x102", "canvas of 1120"])
      try expectSentence(stitch(one + ["--canvas", "0"]), ["canvas of 0"])
      try expectSentence(stitch(one, to: folder + "/s.jpg"), ["does not end in .png"])
      try expectSentence(stitch(one + ["--predictions", folder + "/none"]), ["no folder"])
      try expectSentence(stitch(one + ["--predictions", raw + "/labelsTs"]), ["labelsTs has no label map of subject_0001"])
      for (options, patch) in [(one, "16,16"), (one, "0,1,1"), (one + ["--geometry", "diagonal"], "16,16,16")] {
        let (status, output) = try cohort(stitch(options, patch: patch))
        #expect(status == 64 && output.contains("Error: "), "\(output)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test func checkpointsThatDoNotFitOrAreDamaged() throws {
    try withTemporaryFolder { folder in
      let file = try runFile(folder)
      #expect(try cohort(["train", file]).status == 0)
      try expectSentence(["train", file, "network.base=4"], ["network.base", "2", "4"])
      try expectSentence(["train", file, "method=supervised"], ["method.name"])
      let state = folder + "/run/checkpoints/step-00000002/state.h5"
      var bytes = try Data(contentsOf: URL(fileURLWithPath: state))
      bytes[bytes.count - 100] ^= 1
      try bytes.write(to: URL(fileURLWithPath: state))
      try expectSentence(["checkpoint", "verify", folder + "/run"], ["step-00000002"])
      try expectSentence(
        ["predict", "--checkpoint", folder + "/run", "--input", self.raw + "/imagesTs", "--output", folder + "/out"],
        ["step-00000002"])
      try expectSentence(["checkpoint", "inspect", folder], [folder])
    }
  }

  @Test func images() throws {
    try withTemporaryFolder { folder in
      let raw = folder + "/raw"
      try FileManager.default.copyItem(atPath: self.raw, toPath: raw)
      let image = raw + "/imagesTr/subject_0001_0000.nii.gz", label = raw + "/labelsTr/subject_0001.nii.gz"
      let whole = try Data(contentsOf: URL(fileURLWithPath: image))
      let prepare = ["prepare", raw, "--output", folder + "/packs"]

      try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: image))
      try expectSentence(prepare, ["subject_0001_0000.nii.gz"])
      try Data("not an image".utf8).write(to: URL(fileURLWithPath: image))
      try expectSentence(prepare, ["subject_0001_0000.nii.gz"])

      try whole.write(to: URL(fileURLWithPath: image))
      var volume = try readVolume(image)
      let half = Extent(volume.extent.depth / 2, volume.extent.height, volume.extent.width)
      try writeVolume(
        Volume(
          extent: half, spacing: volume.spacing, voxels: Array(volume.voxels.prefix(half.count)),
          grid: FileGrid(canonical: half, spacing: volume.spacing)), to: image)
      try expectSentence(prepare, ["subject_0001", "shape"])
      let intact = volume
      volume.voxels = volume.voxels.map { _ in 0 }
      try writeVolume(volume, to: image)
      try expectSentence(prepare, ["subject_0001", "zero"])
      volume = intact
      volume.voxels[7] = .nan
      try writeVolume(volume, to: image)
      try expectSentence(prepare, ["subject_0001", "NaN"])
      volume = intact
      var affine = volume.grid.affine
      affine[3] += 50
      volume.grid = FileGrid(dimensions: volume.grid.dimensions, affine: affine)
      try writeVolume(volume, to: image)
      try expectSentence(prepare, ["subject_0001", "mm"])
      try writeVolume(intact, to: image)

      var labels = try readLabels(label)
      labels.labels[0] = 77
      try writeLabels(labels, to: label)
      try expectSentence(prepare, ["77", "subject_0001"])
      let index = try PackIndex(folder: folder + "/packs")
      #expect(index.omitted.map(\.identifier) == ["subject_0001"] && index.entries.count == 7)

      for name in ["subject_0001", "subject_0002"] {
        try FileManager.default.removeItem(atPath: "\(raw)/labelsTr/\(name).nii.gz")
      }
      try expectSentence(prepare, ["imagesUn"])
    }
  }
}
