// From a data set with regions and voxels of which nothing is known to its scores, as people type it: packs, training, label maps, evaluation, and
// the run file of a plan.

import Foundation
import TestSupport
import Testing
import Volumes

private let extent = Extent(20, 24, 32)

/// Balls in balls: label 1 around 2, in the half of the volume that is annotated; 3 for the other half.
private func write(_ stem: String, folder: String, seed: Int) throws {
  var state = UInt64(seed), voxels: [Float] = [], labels: [UInt8] = []
  for d in 0..<extent.depth {
    for h in 0..<extent.height {
      for w in 0..<extent.width {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let place = SIMD3(Double(d), Double(h), Double(w)) - SIMD3(10, 12, Double(14 + seed)), square = (place * place).sum()
        let label = square < 20 ? 2 : square < 90 ? 1 : 0
        labels.append(d < 4 ? 3 : UInt8(label))
        voxels.append(h < 3 ? 0 : 100 + Float(state >> 60) + 60 * Float(label))
      }
    }
  }
  let grid = FileGrid(canonical: extent, spacing: Spacing(1, 1, 1)), name = stem.split(separator: "_")[0]
  for kind in ["images", "labels"] {
    try FileManager.default.createDirectory(atPath: "\(folder)/\(kind)Tr", withIntermediateDirectories: true)
  }
  try writeVolume(
    Volume(extent: extent, spacing: Spacing(1, 1, 1), voxels: voxels, grid: grid), to: "\(folder)/imagesTr/\(stem).nii.gz")
  try writeLabels(
    LabelVolume(extent: extent, spacing: Spacing(1, 1, 1), labels: labels, grid: grid), to: "\(folder)/labelsTr/\(name).nii.gz")
}

@Suite(
  .serialized,
  .sharedFolder { folder in
    for number in 0..<3 { try write("p\(number)_0000", folder: folder + "/raw", seed: number) }
    try #"""
    {"channel_names": {"0": "MRI"}, "labels": {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}, "regions_class_order": [1, 2],
     "numTraining": 3, "file_ending": ".nii.gz"}
    """#.write(toFile: folder + "/raw/dataset.json", atomically: true, encoding: .utf8)
  })
struct LabelCommandTests {
  private var folder: String { SharedFolder.path }

  private func cohort(_ arguments: [String], ranks: Int = 1) throws -> (status: Int32, output: String) {
    ranks == 1 ? try runAlone(arguments, executable: "cohort") : try mpirun(ranks, arguments, executable: "cohort")
  }

  private func succeed(_ arguments: [String], ranks: Int = 1) throws -> String {
    let (status, output) = try cohort(arguments, ranks: ranks)
    try #require(status == 0, "\(arguments): \(output)")
    return output
  }

  private func runFile(_ data: String, _ name: String, _ method: String) throws -> String {
    let path = "\(folder)/\(name).yaml"
    try """
    data: \(folder)/\(data)
    output: \(folder)/\(name)
    method: \(method)
    network: {name: unet3d, base: 2}
    patch: [16, 16, 32]
    steps: 60
    lanes: 2
    optimizer: {learningRate: 0.05}
    sampling: {kind: nnunet}
    augmentation: {kind: nnunet, axes: [D]}
    validation: {cases: [p2]}

    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func regionsAndIgnoredVoxelsGoAllTheWay() throws {
    _ = try succeed([
      "plan", folder + "/raw", "--output", folder + "/plan", "--network", "stunet", "--option", "base=2", "--threads", "1",
    ])
    _ = try succeed(["prepare", folder + "/raw", "--plan", folder + "/plan/plans.json", "--output", folder + "/packs"])
    let index = try PackIndex(folder: folder + "/packs")
    #expect(index.labels.ignored == 3 && index.labels.regions?.map(\.labels) == [[1, 2], [2]])
    #expect(index.entries.allSatisfy { $0.foregroundCount.count == 4 && $0.foregroundCount[3] > 0 })
    var predictions: [Data] = []
    for ranks in [1, 2] {
      let output = try succeed(["train", try runFile("packs", "run\(ranks)", "nnunet")], ranks: ranks)
      #expect(output.contains("whole") && output.contains("core"), "\(output)")
      let labels = "\(folder)/labels\(ranks)"
      _ = try succeed([
        "predict", "--checkpoint", "\(folder)/run\(ranks)", "--input", folder + "/raw/imagesTr", "--output", labels,
      ])
      predictions.append(try Data(contentsOf: URL(fileURLWithPath: labels + "/p2.nii.gz")))
      #expect(try readLabels(labels + "/p2.nii.gz").labels.allSatisfy { $0 < 3 })
    }
    #expect(predictions[0] == predictions[1])
    let scores = try succeed([
      "evaluate", "--predictions", folder + "/labels1", "--references", folder + "/raw/labelsTr", "--json",
    ])
    let found = try #require(try JSONSerialization.jsonObject(with: Data(scores.utf8)) as? [String: Any])
    let classes = try #require(found["classes"] as? [[String: Any]])
    #expect(classes.map { $0["name"] as? String } == ["whole", "core"])
    // Trained on two cases for a few steps, the large bright ball is found.
    let dice = (classes[0]["dice"] as? [String: Any])?["mean"] as? Double ?? 0
    #expect(dice > 0.5, "\(scores)")
    let decided = try succeed([
      "postprocess", "decide", "--predictions", folder + "/labels1", "--references", folder + "/raw/labelsTr", "--output",
      folder + "/decision.json",
    ])
    #expect(decided.contains(#/\n  whole  0\.\d{4}  0\.\d{4}\n  core  /#), "\(decided)")
    _ = try succeed([
      "postprocess", "apply", "--decision", folder + "/decision.json", "--predictions", folder + "/labels1", "--output",
      folder + "/cleaned",
    ])
  }

  /// Other methods learn the labels as classes and leave out what nothing is known of; a prior needs to know everything.
  @Test func methodsLeaveOutWhatIsNotKnown() throws {
    _ = try succeed(["prepare", folder + "/raw", "--output", folder + "/plain"])
    let alone = try succeed(["train", try runFile("plain", "supervised", "supervised"), "steps=3", "augmentation.kind=flip"])
    #expect(alone.contains("whole"), "\(alone)")
    let (status, output) = try cohort([
      "train", try runFile("plain", "prior", "prior-only"), "prior.kind=atlas", "augmentation.kind=flip",
    ])
    #expect(status == 3 && output.contains("has the label ignore, and a prior needs to know"), "\(output)")
  }

  @Test func everyUndeclaredLabelIsNamed() throws {
    try FileManager.default.copyItem(atPath: folder + "/raw", toPath: folder + "/wrong")
    for name in ["p0", "p1"] {
      var labels = try readLabels("\(folder)/wrong/labelsTr/\(name).nii.gz")
      labels.labels[700] = 9
      try writeLabels(labels, to: "\(folder)/wrong/labelsTr/\(name).nii.gz")
    }
    let (status, output) = try cohort(["prepare", folder + "/wrong", "--output", folder + "/wrong-packs"])
    #expect(status == 3, "\(output)")
    for name in ["p0", "p1"] {
      #expect(output.contains("\(name).nii.gz holds the label value 9, but dataset.json declares only 0 to 3"))
    }
  }

  @Test func aPlanBecomesARunFile() throws {
    _ = try succeed([
      "plan", folder + "/raw", "--output", folder + "/plan2", "--network", "stunet", "--option", "base=2", "--threads", "1",
    ])
    let plan = folder + "/plan2/plans.json"
    _ = try succeed(["prepare", folder + "/raw", "--plan", plan, "--output", folder + "/packs2"])
    let arguments = ["recipes", "nnunet", "--plan", plan, "--data", folder + "/packs2"]
    let text = try succeed(arguments)
    for line in ["data: \(folder)/packs2\n", "patch: [20, 24, 32]\n", "strides: \"2,2,2;", "kernels: \"3,3,3;", "dice: sample\n"]
    {
      #expect(text.contains(line), "\(line) is missing in: \(text)")
    }
    let file = folder + "/planned.yaml"
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    let more = ["output=\(folder)/planned", "steps=1", "network.widths=2,3,4", "lanes=2", "validation.patches=2"]
    _ = try succeed(["train", file] + more)
    let odd = try cohort(["train", file] + more + ["output=\(folder)/odd", "patch=[19, 24, 32]"])
    #expect(odd.status == 3 && odd.output.contains("patch"), "\(odd.output)")
    _ = try succeed(["prepare", folder + "/raw", "--output", folder + "/otherwise"])
    let other = try cohort(["recipes", "nnunet", "--plan", plan, "--data", folder + "/otherwise"])
    #expect(other.status == 3 && other.output.contains("was not prepared by 3d_fullres of \(plan)"), "\(other.output)")
    let absent = try cohort(["recipes", "nnunet", "--plan", plan, "--configuration", "3d_lowres"])
    #expect(absent.status == 3 && absent.output.contains("has no configuration 3d_lowres"), "\(absent.output)")
  }
}
