// `cohort predict` and `cohort evaluate` on folders as people have them: every file is done or named, no file of anybody is lost, one bad file
// costs one file.

import Foundation
import TestSupport
import Testing
import Volumes

/// A scan of noise with a brighter block, of 12x16x14 voxels of 1 mm.
private let extent = Extent(12, 16, 14)
private let grid = FileGrid(canonical: extent, spacing: Spacing(1, 1, 1))

private func block(_ d: Int, _ h: Int, _ w: Int) -> Bool { (3..<9).contains(d) && (4..<12).contains(h) && (4..<10).contains(w) }

private func writeScan(_ path: String, seed: Int = 1, blank: Bool = false, grid: FileGrid = grid) throws {
  var state = UInt64(seed), voxels: [Float] = []
  for d in 0..<12 {
    for h in 0..<16 {
      for w in 0..<14 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        voxels.append(blank ? 0 : 100 + Float(state >> 60) + (block(d, h, w) ? 60 : 0))
      }
    }
  }
  try makeFolder(above: path)
  try writeVolume(Volume(extent: extent, spacing: Spacing(1, 1, 1), voxels: voxels, grid: grid), to: path)
}

private func writeMap(_ path: String, label: UInt8 = 1) throws {
  var labels = [UInt8](repeating: 0, count: extent.count)
  for d in 0..<12 { for h in 0..<16 { for w in 0..<14 where block(d, h, w) { labels[extent.index(d, h, w)] = label } } }
  try makeFolder(above: path)
  try writeLabels(LabelVolume(extent: extent, spacing: Spacing(1, 1, 1), labels: labels, grid: grid), to: path)
}

private func makeFolder(above path: String) throws {
  try FileManager.default.createDirectory(
    atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
}

private func describe(_ folder: String, channels: Int) throws {
  try Dataset.write(
    name: "blocks", channelNames: (0..<channels).map { "MR\($0)" }, classNames: ["background", "block"], labelled: 2, to: folder)
}

/// What a compressed file holds.
private func gunzipped(_ path: String) throws -> [UInt8] {
  let process = Process(), pipe = Pipe()
  process.executableURL = URL(fileURLWithPath: "/bin/gzip")
  (process.arguments, process.standardOutput) = (["-dc", path], pipe)
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return [UInt8](data)
}

/// Every file below a folder with its bytes.
private func content(_ folder: String) throws -> [String: Data] {
  let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
  return Dictionary(
    uniqueKeysWithValues: names.compactMap { name in FileManager.default.contents(atPath: "\(folder)/\(name)").map { (name, $0) }
    })
}

@Suite(
  .serialized,
  .sharedFolder { folder in
    for channels in [1, 2] {
      let raw = "\(folder)/raw\(channels)", packs = "\(folder)/packs\(channels)", file = "\(folder)/run\(channels).yaml"
      for (number, name) in ["p01", "p02"].enumerated() {
        for channel in 0..<channels { try writeScan("\(raw)/imagesTr/\(name)_000\(channel).nii.gz", seed: 2 * number + channel) }
        try writeMap("\(raw)/labelsTr/\(name).nii.gz")
      }
      try describe(raw, channels: channels)
      let network = "network: {name: unet3d, base: 2}\npatch: [16, 16, 32]"
      try "data: \(packs)\noutput: \(folder)/run\(channels)\nmethod: supervised\n\(network)\nsteps: 1\nlanes: 1\n"
        .write(toFile: file, atomically: true, encoding: .utf8)
      for command in [["prepare", raw, "--output", packs], ["train", file]] {
        let (status, output) = try runAlone(command, executable: "cohort")
        try #require(status == 0, "\(output)")
      }
    }
  })
struct PredictCommandTests {
  private let folder = TemporaryFolder()
  private var scans: String { folder.path + "/scans" }
  private var out: String { folder.path + "/out" }
  /// What lies beside the label maps of every prediction.
  private let beside = ["labels-itksnap.txt", "labels-slicer.ctbl", "prediction.json"]

  private func cohort(_ arguments: [String]) throws -> (status: Int32, output: String) {
    try runAlone(arguments, executable: "cohort")
  }

  private func predict(_ input: String, to output: String, channels: Int = 1, _ more: [String] = []) throws -> (
    status: Int32, output: String
  ) {
    try cohort(["predict", "--checkpoint", "\(SharedFolder.path)/run\(channels)", "--input", input, "--output", output] + more)
  }

  private func names(_ folder: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

  /// Refused with exit code 3 and all of `fragments`, and every file is as it was.
  private func expectRefusal(_ fragments: [String], _ run: () throws -> (status: Int32, output: String)) throws {
    let before = try content(folder.path), (status, output) = try run()
    #expect(status == 3 && output.components(separatedBy: "cohort: ").count == 2, "\(status): \(output)")
    for fragment in fragments { #expect(output.contains(fragment), "\(output)") }
    #expect(try content(folder.path) == before, "nothing is written")
  }

  @Test func noInputIsAnOutput() throws {
    try writeScan(scans + "/a.nii.gz")
    try writeMap(folder.path + "/labelsTr/a.nii.gz")
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/twin", withDestinationPath: scans)
    try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: out + "/a.nii.gz", withDestinationPath: "../scans/a.nii.gz")
    for output in [scans, folder.path + "/twin", scans + "/../scans/"] {
      try expectRefusal(["is the folder of the images"]) { try predict(scans, to: output) }
    }
    try expectRefusal(["a.nii.gz is read and would be written over"]) { try predict(scans, to: out) }
    try expectRefusal(["a.nii.gz is read and would be written over"]) { try predict(scans + "/a.nii.gz", to: scans) }
    let labels = folder.path + "/labelsTr"
    try expectRefusal([labels + "/a.nii.gz is in the way"]) { try predict(scans, to: labels) }
    try expectRefusal(["is the folder of the references"]) { try predict(scans, to: labels, ["--references", labels]) }
  }

  /// The same folder again replaces what nobody has touched; a map that was corrected stays.
  @Test func predictionsAreReplacedUntilSomebodyCorrectsThem() throws {
    for name in ["a", "b"] { try writeScan("\(scans)/\(name).nii.gz") }
    try writeMap(folder.path + "/labels/a.nii.gz")
    let pictures = ["--references", folder.path + "/labels"]
    #expect(try predict(scans, to: out, pictures).status == 0)
    #expect(try names(out) == ["a.nii.gz", "a.png", "b.nii.gz", "b.png"] + beside)
    let first = try content(out), again = try predict(scans, to: out, pictures)
    #expect(try again.status == 0 && content(out) == first, "\(again.output)")
    var corrected = try readLabels(out + "/b.nii.gz")
    corrected.labels[0] = 1
    try writeLabels(corrected, to: out + "/b.nii.gz")
    try expectRefusal([out + "/b.nii.gz is in the way"]) { try predict(scans, to: out) }
    try Data([1]).write(to: URL(fileURLWithPath: out + "/a.png"))
    try expectRefusal(["2 files are in the way", out + "/b.nii.gz", out + "/a.png"]) { try predict(scans, to: out, pictures) }
    // The images' own folder may hold the predictions.
    for _ in 0..<2 { #expect(try predict(scans, to: scans + "/predicted").status == 0) }
  }

  @Test(arguments: [1, 2]) func everyFileIsPredictedUnderItsOwnName(ranks: Int) throws {
    let stems = (0..<4).map { "case_000\($0)" } + ["scan_2019", "Jose\u{301}"]
    for (seed, stem) in stems.enumerated() { try writeScan("\(scans)/\(stem).nii.gz", seed: seed) }
    try FileManager.default.moveItem(atPath: scans + "/scan_2019.nii.gz", toPath: scans + "/scan_2019.NII.GZ")
    let arguments = ["predict", "--checkpoint", SharedFolder.path + "/run1", "--input", scans, "--output", out]
    let (status, text) = try ranks == 1 ? cohort(arguments) : mpirun(ranks, arguments, executable: "cohort")
    #expect(status == 0 && text.contains("names of \(scans) are taken whole"), "\(text)")
    let expected = (stems.dropLast() + ["Jos\u{E9}"]).map { $0 + ".nii.gz" } + beside
    #expect(Set(try names(out).map { Array($0.utf8) }) == Set(expected.map { Array($0.utf8) }))
  }

  /// In a file whose axes are turned, so that the order of voxels is that of the file and not of memory; and on two ranks the same bytes.
  @Test func probabilitiesAreThoseOfTheLabels() throws {
    var affine = grid.affine
    (affine[0], affine[3]) = (-1, 13)
    try writeScan(scans + "/a.nii.gz", grid: FileGrid(dimensions: grid.dimensions, affine: affine))
    let (maps, archives) = (folder.path + "/maps", folder.path + "/npz"), more = ["--probabilities", maps, "--npz", archives]
    #expect(try predict(scans, to: out, more).status == 0)
    let voxels = extent.count, file = try gunzipped(maps + "/a.nii.gz"), labels = try gunzipped(out + "/a.nii.gz").dropFirst(352)
    #expect(file.count == 352 + 8 * voxels && file[40] == 4 && file[48] == 2)
    let values = file[352...].withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    for (voxel, label) in labels.enumerated() {
      let (background, block) = (values[voxel], values[voxels + voxel])
      #expect(abs(background + block - 1) < 1e-5 && (block > background) == (label == 1), "voxel \(voxel)")
      if abs(background + block - 1) >= 1e-5 { break }
    }
    #expect(labels.contains(1) || values[..<voxels].allSatisfy { $0 >= 0.5 })
    let archive = [UInt8](try Data(contentsOf: URL(fileURLWithPath: archives + "/a.npz")))
    #expect(archive.firstRange(of: Array(file[352...])) != nil && archive.firstRange(of: Array("(2, 12, 16, 14)".utf8)) != nil)
    try expectRefusal([maps + "/a.nii.gz is in the way"]) {
      try predict(scans, to: folder.path + "/other", ["--probabilities", maps])
    }
    try expectRefusal(["another folder"]) { try predict(scans, to: out, ["--npz", out]) }
    let two = [
      "predict", "--checkpoint", SharedFolder.path + "/run1", "--input", scans, "--output", folder.path + "/two", "--npz",
    ]
    #expect(try mpirun(2, two + [folder.path + "/npz2"], executable: "cohort").status == 0)
    #expect(try content(archives) == content(folder.path + "/npz2"))
  }

  @Test func whatWouldBeLeftOutIsNamedAndNothingIsWritten() throws {
    for name in ["t01_0000", "t01_0001", "t03_0001", "t04_0000", "t05_0000", "t05_0001", "t05_0002"] {
      try writeScan("\(scans)/\(name).nii.gz")
    }
    try expectRefusal(["t03_0000", "t04_0001", "t05_0002.nii.gz"]) { try predict(scans, to: out, channels: 2) }
    try Data([1]).write(to: URL(fileURLWithPath: scans + "/t06.mnc"))
    try expectRefusal(["t06.mnc cannot be read"]) { try predict(scans, to: out) }
  }

  /// A blank, a cut and a foreign file among good ones: these are predicted, the others listed.
  @Test(arguments: [1, 2]) func aBadFileCostsOneFile(ranks: Int) throws {
    for name in ["c0", "c2", "c4", "c5"] { try writeScan("\(scans)/\(name).nii.gz") }
    try writeScan(scans + "/c1.nii.gz", blank: true)
    let whole = try Data(contentsOf: URL(fileURLWithPath: scans + "/c4.nii.gz"))
    try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: scans + "/c4.nii.gz"))
    try Data("no image".utf8).write(to: URL(fileURLWithPath: scans + "/c3.nii.gz"))
    let arguments = ["predict", "--checkpoint", SharedFolder.path + "/run1", "--input", scans, "--output", out]
    let (status, text) = try ranks == 1 ? cohort(arguments) : mpirun(ranks, arguments, executable: "cohort")
    #expect(status == 3 && text.contains("cohort: 3 of 6 cases are not predicted:"), "\(status): \(text)")
    #expect(text.contains("warning: 1 of 6 cases is not predicted: \(scans)/c3.nii.gz"), "known by its header")
    for name in ["c1", "c3", "c4"] { #expect(text.contains("  \(scans)/\(name).nii.gz"), "\(text)") }
    #expect(try names(out) == ["c0.nii.gz", "c2.nii.gz", "c5.nii.gz"] + beside)

    try FileManager.default.removeItem(atPath: out)
    for name in ["c0", "c1", "c2", "c4", "c5"] { try FileManager.default.removeItem(atPath: "\(scans)/\(name).nii.gz") }
    #expect(try predict(scans, to: out).status == 3 && !FileManager.default.fileExists(atPath: out), "nothing to predict")
  }

  /// One channel of a case is turned: this case is named by its header.
  @Test func channelsOfDifferentGridsCostTheirCase() throws {
    var affine = grid.affine
    affine[3] = 40
    let shifted = FileGrid(dimensions: grid.dimensions, affine: affine)
    for name in ["a_0000", "a_0001", "b_0000"] { try writeScan("\(scans)/\(name).nii.gz") }
    try writeScan(scans + "/b_0001.nii.gz", grid: shifted)
    let (status, text) = try predict(scans, to: out, channels: 2)
    #expect(
      try status == 3 && text.contains("b_0001.nii.gz have origins 40.0 mm apart") && names(out).contains("a.nii.gz"), "\(text)")
  }

  @Test func everyReferenceAndPredictionIsScoredOrNamed() throws {
    let predictions = folder.path + "/predictions", references = folder.path + "/references"
    let evaluate = ["evaluate", "--predictions", predictions, "--references", references]
    for name in ["a", "b", "c", "Jose\u{301}"] { try writeMap("\(references)/\(name).nii.gz") }
    for name in ["a", "Jos\u{E9}", "extra"] { try writeMap("\(predictions)/\(name).nii") }
    try expectRefusal(["no label map of 2 cases", "\n  b\n", "\n  c\n"]) { try cohort(evaluate) }
    for name in ["b", "c"] { try writeMap("\(predictions)/\(name).nii.gz") }
    let (status, text) = try cohort(evaluate)
    #expect(status == 0 && text.contains("warning: \(predictions)/extra.nii has no reference"), "\(text)")
    for name in ["a", "b", "c", "Jos\u{E9}"] { #expect(text.contains("\n\(name) "), "\(text)") }

    // A pair that cannot be scored costs itself.
    try Data("no map".utf8).write(to: URL(fileURLWithPath: predictions + "/b.nii.gz"))
    let (code, rest) = try cohort(evaluate)
    #expect(
      code == 3 && rest.contains("1 of 4 cases is not scored: \(predictions)/b.nii.gz") && rest.contains("all classes"), "\(rest)"
    )
    try Data([1]).write(to: URL(fileURLWithPath: references + "/d.mgz"))
    try expectRefusal([references + "/d.mgz cannot be read"]) { try cohort(evaluate) }
  }

  /// An origin that is half a voxel off is said and scored; a map of another place is not.
  @Test func aSlightShiftIsAWarning() throws {
    let predictions = folder.path + "/predictions/a.nii.gz", references = folder.path + "/references/a.nii.gz"
    try writeMap(references)
    for (shift, isSlight) in [(0.5, true), (40, false)] {
      try writeMap(predictions)
      var map = try readLabels(predictions), affine = grid.affine
      affine[3] = shift
      map.grid = FileGrid(dimensions: grid.dimensions, affine: affine)
      try writeLabels(map, to: predictions)
      let (status, text) = try cohort(["evaluate", "--predictions", predictions, "--references", references])
      #expect(status == (isSlight ? 0 : 3) && text.contains(" mm apart") && text.contains("warning: ") == isSlight, "\(text)")
    }
  }

  /// Labels 1, 2 and 4 have no class 3; of a declared class that neither has nothing is averaged, and the output says so.
  @Test func scoresCountWhatExists() throws {
    let predictions = folder.path + "/predictions", references = folder.path + "/labelsTr"
    try writeMap(references + "/a.nii.gz", label: 4)
    try writeMap(predictions + "/a.nii.gz", label: 0)
    let evaluate = ["evaluate", "--predictions", predictions, "--references", references]
    let brats = try cohort(evaluate).output
    #expect(brats.contains("class 4") && !brats.contains("class 3") && brats.contains("all classes  0.0000"), "\(brats)")
    try writeMap(references + "/a.nii.gz")
    try writeMap(predictions + "/a.nii.gz")
    try Dataset.write(
      name: "two", channelNames: ["MR"], classNames: ["background", "block", "none"], labelled: 1, to: folder.path)
    let declared = try cohort(evaluate).output
    #expect(declared.contains(#/\nmean +all classes +1\.0000 /#), "\(declared)")
    #expect(declared.contains("Dice, Jaccard and NSD of 1 rows, distances of 1."), "\(declared)")
    let json = try cohort(evaluate + ["--json"]).output
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect((object["leftOut"] as? [String: Int])?["dice"] == 1 && (object["overall"] as? [String: Double])?["dice"] == 1)
    let zero = try cohort(evaluate + ["--json", "--empty", "zero"]).output
    #expect(zero.contains("\"dice\" : 0.5"))
  }

  @Test func figuresLeaveFilesOfOthersAlone() throws {
    for name in ["a", "b"] {
      try writeScan("\(scans)/\(name).nii.gz")
      try writeMap("\(folder.path)/labels/\(name).nii.gz", label: 255)
    }
    let labels = folder.path + "/labels",
      compare = [
        "report", "compare", "--images", scans, "--references", labels, "--predictions", labels, "--output", out,
      ]
    for _ in 0..<2 { #expect(try cohort(compare).status == 0) }
    #expect(try names(out) == ["a.png", "b.png"])
    try Data([1]).write(to: URL(fileURLWithPath: out + "/b.png"))
    try expectRefusal([out + "/b.png is in the way"]) { try cohort(compare) }
    let gradcam = ["report", "gradcam", "--checkpoint", SharedFolder.path + "/run1", "--input", scans, "--output", out]
    try Data([1]).write(to: URL(fileURLWithPath: out + "/gradcam-1.png"))
    try expectRefusal([out + "/gradcam-1.png is in the way"]) { try cohort(gradcam) }
    try FileManager.default.removeItem(atPath: out)
    try writeScan(scans + "/b.nii.gz", blank: true)
    let (status, text) = try cohort(gradcam)
    #expect(try status == 3 && text.contains("b.nii.gz holds only zeros") && names(out) == ["gradcam-1.png"], "\(text)")
    let sobf = ["report", "sobf", "--input", SharedFolder.path + "/packs1", "--output"]
    try expectRefusal(["does not end in .png"]) { try cohort(sobf + [scans + "/a.nii.gz"]) }
  }

  @Test func endingsTellWhatIsWritten() throws {
    let export = ["checkpoint", "export", SharedFolder.path + "/run1", "--output"], weights = folder.path + "/w.safetensors"
    for name in ["w.pt", "w.onnx.gz", "w"] {
      try expectRefusal(["has no ending of a format that can be written", ".pth", ".onnx"]) {
        try cohort(export + ["\(folder.path)/\(name)"])
      }
    }
    for _ in 0..<2 { #expect(try cohort(export + [weights]).status == 0) }
    try expectRefusal(["is read and would be written over"]) { try cohort(["weights", "convert", weights, weights]) }
    try expectRefusal(["does not end in .safetensors"]) { try cohort(["weights", "convert", weights, folder.path + "/h.pth"]) }
    for _ in 0..<2 { #expect(try cohort(["weights", "convert", weights, folder.path + "/c.safetensors"]).status == 0) }
    try expectRefusal(["w.safetensors is in the way"]) {
      try cohort(["weights", "convert", folder.path + "/c.safetensors", weights])
    }
    try expectRefusal(["c.safetensors is in the way"]) { try cohort(export + [folder.path + "/c.safetensors"]) }
    for name in ["prior.pth", "w.safetensors"] {
      try expectRefusal([name]) { try cohort(["prior", "pretrain", "--output", "\(folder.path)/\(name)", "--steps", "1"]) }
    }
    try expectRefusal(["does not end in .json"]) {
      try cohort(["trace", "merge", SharedFolder.path + "/run1", "--output", weights])
    }
  }

  @Test(arguments: ["nan", "inf", "1e300", "-0.1", "1", "", "half"]) func overlapsAreShares(text: String) throws {
    try writeScan(scans + "/a.nii.gz")
    let (status, output) = try predict(scans, to: out, ["--overlap=\(text)"])
    #expect(status != 0 && output.contains("overlap") && !FileManager.default.fileExists(atPath: out), "\(output)")
  }
}
