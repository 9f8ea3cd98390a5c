// `cohort plan` and `cohort prepare --plan` as people and clusters use them: on several ranks, within a budget, with input that cannot be right, and the
// way back from transposed packs.

import Foundation
import Preparation
import TestSupport
import Testing
import Volumes

/// A network whose steps are estimated in no time.
private let small = ["--network", "stunet", "--option", "base=2", "--threads", "1"]

@Suite(
  .serialized,
  .sharedFolder { folder in
    let (status, output) = try runAlone(
      ["synthesize", "--output", folder + "/raw", "--subjects", "6", "--labelled", "3", "--seed", "4", "--spacing", "5"],
      executable: "cohort")
    try #require(status == 0, "\(output)")
    let planned = try runAlone(["plan", folder + "/raw", "--output", folder + "/plan"] + small, executable: "cohort")
    try #require(planned.status == 0, "\(planned.output)")
  })
struct PlanCommandTests {
  var raw: String { SharedFolder.path + "/raw" }
  var plan: String { SharedFolder.path + "/plan/plans.json" }

  func cohort(_ arguments: [String], ranks: Int = 1) throws -> (status: Int32, output: String) {
    ranks == 1 ? try runAlone(arguments, executable: "cohort") : try mpirun(ranks, arguments, executable: "cohort")
  }

  /// Refused with these words, and no other line of errors.
  func expectRefusal(_ arguments: [String], _ words: [String]) throws {
    let (status, output) = try cohort(arguments)
    #expect(status == 3, "\(output)")
    for word in words { #expect(output.contains(word), "\(word) is missing in: \(output)") }
  }

  @Test func anyNumberOfRanksWritesTheSameFiles() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try cohort(["plan", raw, "--output", folder] + small, ranks: 3)
      #expect(status == 0 && output.contains("a step takes about"), "\(output)")
      for name in ["plans.json", "dataset_fingerprint.json", "dataset.json"] {
        #expect(try content("\(folder)/\(name)") == content("\(SharedFolder.path)/plan/\(name)"), "\(name)")
      }
      var packs: [Data] = []
      for ranks in [1, 3] {
        let prepared = try cohort(["prepare", raw, "--output", "\(folder)/\(ranks)", "--plan", plan], ranks: ranks)
        #expect(prepared.status == 0, "\(prepared.output)")
        try PackReader(folder: "\(folder)/\(ranks)").verify()
        packs.append(try content("\(folder)/\(ranks)/packs.json"))
      }
      #expect(packs[0] == packs[1])
    }
  }

  /// A plane is a volume of one slice. The strides of a plan for residual encoders, which are not here, serve STU-Net.
  @Test func planesAndResidualEncodersHaveRecipes() throws {
    let plane = try cohort(["recipes", "nnunet", "--plan", plan, "--configuration", "2d"])
    #expect(plane.status == 0 && plane.output.contains("\npatch: [1, 64, 64]\n"), "\(plane.output)")
    #expect(plane.output.contains("  kernels: \"1,3,3;1,3,3;") && plane.output.contains("  strides: \"1,2,2;1,2,2;"))
    try withTemporaryFolder { folder in
      let residual = folder + "/nnUNetResEncUNetMPlans.json", text = try String(contentsOfFile: plan, encoding: .utf8)
      try text.replacing("PlainConvUNet", with: "ResidualEncoderUNet").replacing(
        "n_conv_per_stage\"", with: "n_blocks_per_stage\""
      )
      .write(toFile: residual, atomically: true, encoding: .utf8)
      for configuration in ["2d", "3d_fullres"] {
        let recipe = ["recipes", "nnunet", "--plan", residual, "--configuration", configuration]
        try expectRefusal(
          recipe, ["\(configuration) plans the network", "ResidualEncoderUNet, and that is not here: take --network stunet"])
        #expect(try cohort(recipe + ["--network", "stunet"]).output.contains("name: stunet\n  strides: "))
      }
    }
  }

  @Test func unlabelledVolumesCountIfAsked() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try cohort(["plan", raw, "--output", folder, "--count-unlabelled"] + small)
      #expect(status == 0, "\(output)")
      func shapes(_ path: String) throws -> Int {
        let found = try JSONSerialization.jsonObject(with: content(path)) as? [String: Any]
        return (found?["shapes_after_crop"] as? [Any])?.count ?? 0
      }
      let dataset = try Dataset.open(raw)
      #expect(try shapes("\(folder)/dataset_fingerprint.json") == dataset.cases.count { $0.role != .test })
      #expect(try shapes("\(SharedFolder.path)/plan/dataset_fingerprint.json") == dataset.cases.count { $0.role == .labelled })
    }
  }

  @Test func aBudgetMakesASmallerPlanAndNothingFitsNone() throws {
    try withTemporaryFolder { folder in
      let (status, output) = try cohort(["plan", raw, "--output", folder, "--budget-memory", "20000000"] + small)
      #expect(status == 0 && output.contains("stunet of 3d_fullres"), "\(output)")
      #expect(try text("\(folder)/plans.json") != text(plan))
      try expectRefusal(["plan", raw, "--output", folder, "--budget-memory", "1000"] + small, ["No plan fits", "1000 bytes"])
    }
  }

  /// A plan that somebody has edited is not written over, and one that is as it was written may be.
  @Test func anEditedPlanStays() throws {
    try withTemporaryFolder { folder in
      let arguments = ["plan", raw, "--output", folder, "--low-resolution", "keep"] + small
      #expect(try cohort(arguments).status == 0)
      #expect(try cohort(arguments + ["--count-unlabelled"]).status == 0)
      let edited = try text("\(folder)/plans.json").replacingOccurrences(of: "\"batch_size\": 2", with: "\"batch_size\": 3")
      try edited.write(toFile: "\(folder)/plans.json", atomically: true, encoding: .utf8)
      try expectRefusal(arguments, ["\(folder)/plans.json is in the way"])
      #expect(try text("\(folder)/plans.json") == edited)
    }
  }

  /// What is changed in a plan, and what its refusal names.
  static let faults: [(old: String, new: String, words: [String])] = [
    ("\"dataset_name\"", "\"dataset_nam\"", ["has no dataset_name"]),
    ("\"plans_name\"", "\"colour\": 1, \"plans_name\"", ["has the key colour"]),
    ("\"batch_size\": 2", "\"batch_size\": 2, \"batch_sise\": 2", ["batch_sise", "batch_size"]),
    ("\"architecture\"", "\"blueprint\"", ["configurations.", "neither the key architecture"]),
    ("\"configurations\"", "\"plans_per_stage\": 1, \"configurations\"", ["nnU-Net 1"]),
    ("SimpleITKIO", "Tiff3DIO", ["image_reader_writer is Tiff3DIO"]),
    ("ZScoreNormalization", "MadeUpNormalization", ["MadeUpNormalization", "normalization_schemes"]),
    ("\"order\": 3", "\"order\": 2", ["resampling_fn_data"]),
    ("{", "[", ["is not valid JSON"]),
  ]

  @Test(arguments: faults) func aPlanThatCannotBeMeantIsRefused(fault: (old: String, new: String, words: [String])) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/plans.json", whole = try text(plan)
      #expect(whole.contains(fault.old))
      try whole.replacingOccurrences(of: fault.old, with: fault.new).write(toFile: path, atomically: true, encoding: .utf8)
      try expectRefusal(["prepare", raw, "--output", "\(folder)/packs", "--plan", path], fault.words + [path])
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/packs"))
    }
  }

  @Test func aPatchThatDoesNotDivideIsRefused() throws {
    try withTemporaryFolder { folder in
      var table = try #require(JSONSerialization.jsonObject(with: content(plan)) as? [String: Any])
      var configurations = try #require(table["configurations"] as? [String: [String: Any]])
      configurations["3d_fullres"]!["patch_size"] = [33, 33, 33]
      table["configurations"] = configurations
      let path = "\(folder)/plans.json"
      try JSONSerialization.data(withJSONObject: table).write(to: URL(fileURLWithPath: path))
      try expectRefusal(
        ["prepare", raw, "--output", "\(folder)/packs", "--plan", path],
        [path, "configurations.3d_fullres.patch_size", "[33, 33, 33]"])
    }
  }

  @Test func thePlanOfAnotherDataSetIsRefused() throws {
    try withTemporaryFolder { folder in
      let other = folder + "/other"
      try FileManager.default.copyItem(atPath: raw, toPath: other)
      let dataset = try Dataset.open(other)
      func write(channels: [String], classes: [String]) throws {
        try Dataset.write(name: "Other", channelNames: channels, classNames: classes, labelled: 3, to: other)
      }
      let arguments = ["prepare", other, "--output", "\(folder)/packs", "--plan", plan]
      try write(channels: ["CT"], classes: dataset.labels.classNames)
      try expectRefusal(arguments, [plan, "channels", "CT"])
      try write(channels: dataset.channelNames, classes: dataset.labels.classNames.map { $0 + "s" })
      try expectRefusal(arguments, [plan, "labels", dataset.labels.classNames[1] + "s"])
    }
  }

  /// Each spoils a file of a case and says what the refusal names.
  static let spoils: [(name: String, words: [String], spoil: @Sendable (Volume, LabelVolume) -> (Volume, LabelVolume))] = [
    (
      "zero", ["holds only zeros"],
      { image, label in
        var image = image
        image.voxels = image.voxels.map { _ in 0 }
        return (image, label)
      }
    ),
    (
      "NaN", ["NaN"],
      { image, label in
        var image = image
        image.voxels[7] = .nan
        return (image, label)
      }
    ),
    (
      "value", ["label value 9"],
      { image, label in
        var label = label
        label.labels[7] = 9
        return (image, label)
      }
    ),
    (
      "grid", ["have different shapes"],
      { image, label in
        let extent = Extent(3, 4, 5), grid = FileGrid(canonical: extent, spacing: image.spacing)
        return (image, LabelVolume(extent: extent, spacing: image.spacing, labels: [UInt8](repeating: 1, count: 60), grid: grid))
      }
    ),
  ]

  @Test(arguments: spoils.indices) func aCaseThatCannotBeMeasuredIsNamed(index: Int) throws {
    let fault = Self.spoils[index]
    try withTemporaryFolder { folder in
      let data = folder + "/data"
      try FileManager.default.copyItem(atPath: raw, toPath: data)
      let item = try #require(Dataset.open(data).cases.first { $0.role == .labelled })
      let (image, label) = fault.spoil(try readVolume(item.images[0]), try readLabels(item.label!))
      for path in [item.images[0], item.label!] { try FileManager.default.removeItem(atPath: path) }
      try writeVolume(image, to: item.images[0])
      try writeLabels(label, to: item.label!)
      try expectRefusal(["plan", data], fault.words + [item.identifier])
      #expect(!FileManager.default.fileExists(atPath: data + "/plans.json"))
    }
  }

  /// Files whose thick axis is the patient's width: their packs are transposed, and labels come back on the grid of the file.
  @Test func labelsOfTransposedPacksComeBackToTheirFile() throws {
    try withTemporaryFolder { folder in
      let data = folder + "/data", extent = Extent(20, 24, 9), grid = FileGrid(canonical: extent, spacing: Spacing(1, 1, 5))
      for part in ["imagesTr", "labelsTr"] {
        try FileManager.default.createDirectory(atPath: "\(data)/\(part)", withIntermediateDirectories: true)
      }
      try Dataset.write(name: "Thick", channelNames: ["MRI"], classNames: ["background", "organ"], labelled: 2, to: data)
      let labels = (0..<extent.count).map { UInt8($0 % extent.width < 4 && $0 / extent.width % extent.height < 10 ? 1 : 0) }
      for identifier in ["a", "b"] {
        let voxels = (0..<extent.count).map { Float(10 + $0 % 7) + 50 * Float(labels[$0]) }
        try writeVolume(
          Volume(extent: extent, spacing: grid.spacing, voxels: voxels, grid: grid),
          to: "\(data)/imagesTr/\(identifier)_0000.nii.gz")
        try writeLabels(
          LabelVolume(extent: extent, spacing: grid.spacing, labels: labels, grid: grid),
          to: "\(data)/labelsTr/\(identifier).nii.gz")
      }
      #expect(try cohort(["plan", data] + small).status == 0)
      let prepared = try cohort(["prepare", data, "--output", folder + "/packs", "--plan", data + "/plans.json"])
      #expect(prepared.status == 0, "\(prepared.output)")
      let reader = try PackReader(folder: folder + "/packs"), packed = try reader.read("a")
      #expect(packed.extent == Extent(9, 20, 24) && packed.spacing == Spacing(5, 1, 1))
      #expect(packed.prepared(labels: labels) == packed.label)
      let scores = packed.label!.flatMap { [1 - Float($0), Float($0)] }
      var resampling = scoreResampling(classes: 2, extent: packed.extent, spacing: packed.spacing, frame: packed.frame)
      let plane = scores.count / packed.extent.depth
      for d in 0..<packed.extent.depth {
        Array(scores[d * plane..<(d + 1) * plane]).withUnsafeBufferPointer { resampling.add($0) }
      }
      let restored = restoreLabels(resampling.labels, frame: packed.frame)
      #expect(restored.labels == labels && restored.extent == extent)
      try writeLabels(restored, to: folder + "/back.nii.gz")
      #expect(try readLabels(folder + "/back.nii.gz").labels == labels && sameGrid(restored.grid, grid) == nil)
      // A raw file takes the same way as the case of the packs.
      let settings = try PreparationSettings(text: reader.index.preparation)
      let raw = try prepareForPrediction("a", images: ["\(data)/imagesTr/a_0000.nii.gz"], settings: settings, channels: 1)
      #expect(raw.image == packed.image && raw.frame == packed.frame)
    }
  }

  private func content(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
  private func text(_ path: String) throws -> String { String(decoding: try content(path), as: UTF8.self) }
}
