// Whole data sets against nnU-Net 2.8.1: images become a fingerprint, a plan and prepared arrays (nnunet_data_sets.json, nnunet_preprocess_*).

import Foundation
import Planning
import Preparation
import TestSupport
import Testing
import Volumes

/// A data set of nnunet_data_sets.json.
private struct GoldenSet: Decodable {
  struct Exact: Decodable { var mean, std, min, max: Double }
  var channels: [String]
  var labels: [String: Int]
  var fingerprint, plans: PlanJSON
  var exact_foreground_statistics: [String: Exact]
}

/// A case as it is prepared by one configuration.
private struct GoldenCase: Decodable {
  var box: [[Int]]
  var shape_after_resampling: [Int]
}

/// A data set with its images, written as files.
private struct GoldenFiles {
  let set: GoldenSet
  let tensors: [String: GoldenTensor]
  let texts: [String: String]
  let folder: TemporaryFolder
  var data: String { "\(folder.path)/\(set.plans["dataset_name"]!.string!)" }

  /// - Parameter backwards: of the axes z, y, x of the files those that run to the left, to posterior, to inferior; the arrays in the files are the same.
  init(_ name: String, backwards: [Int] = []) throws {
    let sets = try Data(contentsOf: URL(fileURLWithPath: golden("nnunet_data_sets.json")))
    set = try JSONDecoder().decode([String: GoldenSet].self, from: sets)[name]!
    let file = golden("nnunet_preprocess_\(name.lowercased()).safetensors")
    (tensors, texts, folder) = (try loadSafetensors(file), try loadSafetensorsTexts(file), TemporaryFolder())
    for part in ["imagesTr", "labelsTr"] {
      try FileManager.default.createDirectory(atPath: "\(data)/\(part)", withIntermediateDirectories: true)
    }
    for key in tensors.keys where key.hasSuffix(".image") && key.components(separatedBy: ".").count == 2 {
      try write(String(key.dropLast(".image".count)), backwards)
    }
    try Dataset.write(
      name: name, channelNames: set.channels, classNames: set.labels.sorted { $0.value < $1.value }.map(\.key),
      labelled: try FileManager.default.contentsOfDirectory(atPath: "\(data)/labelsTr").count, to: data)
  }

  private func write(_ identifier: String, _ backwards: [Int]) throws {
    let image = tensors["\(identifier).image"]!, label = tensors["\(identifier).label"]!
    let sides = try JSONDecoder().decode([Double].self, from: Data(texts["\(identifier).spacing"]!.utf8))
    let extent = Extent(image.shape[1], image.shape[2], image.shape[3]), spacing = Spacing(sides[0], sides[1], sides[2])
    let steps = (0..<3).map { backwards.contains($0) ? -sides[$0] : sides[$0] }
    let grid = FileGrid(
      dimensions: [extent.width, extent.height, extent.depth], affine: [steps[2], 0, 0, 0, 0, steps[1], 0, 0, 0, 0, steps[0], 0])
    let turn = PatchPermutation(quarterTurns: 0, flips: backwards)
    for channel in 0..<image.shape[0] {
      let voxels = Array(image.floats[channel * extent.count..<(channel + 1) * extent.count])
      try writeVolume(
        Volume(extent: extent, spacing: spacing, voxels: turn.apply(voxels, extent: extent, channels: 1), grid: grid),
        to: "\(data)/imagesTr/\(identifier)_000\(channel).nii.gz")
    }
    let classes = label.floats.isEmpty ? label.bytes : label.floats.map { UInt8($0) }
    try writeLabels(
      LabelVolume(extent: extent, spacing: spacing, labels: turn.apply(classes, extent: extent, channels: 1), grid: grid),
      to: "\(data)/labelsTr/\(identifier).nii.gz")
  }
}

@Suite struct GoldenDataTests {
  static let names = ["Iso", "Aniso", "Framed"]

  @Test(arguments: names) func fingerprintAndPlanEqualThoseOfNNUNet(name: String) throws {
    let files = try GoldenFiles(name), dataset = try Dataset.open(files.data)
    let found = try extractFingerprint(dataset, countsUnlabelled: false)
    let fingerprint = try DatasetFingerprint(text: found.text), expected = files.set.fingerprint
    let sampled: Set = ["foreground_intensity_properties_per_channel"]
    #expect(try parsed(found.text).without(sampled) == expected.without(sampled), "\(found.text)")
    for (channel, exact) in files.set.exact_foreground_statistics {
      let intensity = fingerprint.intensities[Int(channel)!]
      #expect(
        abs(intensity.mean - exact.mean) < 1e-6 * exact.std && abs(intensity.standardDeviation - exact.std) < 1e-6 * exact.std)
      #expect(intensity.minimum == exact.min && intensity.maximum == exact.max)
      // nnU-Net draws 10,000 values of each case; its percentiles are as far off as such samples are.
      let drawn = expected["foreground_intensity_properties_per_channel"]![channel]!
      for (key, value) in [
        ("median", intensity.median), ("percentile_00_5", intensity.percentile0_5), ("percentile_99_5", intensity.percentile99_5),
      ] {
        #expect(abs(value - drawn[key]!.double!) < 0.05 * exact.std, "\(key): \(value) and \(drawn[key]!)")
      }
    }
    let input = PlanningInput(
      datasetName: URL(fileURLWithPath: files.data).lastPathComponent, channelNames: dataset.channelNames,
      labelCount: dataset.labels.classNames.count, caseCount: dataset.cases.count, reader: found.reader)
    let plan = try parsed(try Planner().plan(fingerprint, input).text)
    #expect(
      plan.without(sampled) == files.set.plans.without(sampled),
      "\(differences(plan.without(sampled), files.set.plans.without(sampled)))")
  }

  /// Also where the axes of the files run the other way: nnU-Net resamples arrays as they lie, on which a tie between two slices depends.
  @Test(arguments: names, [[], [1, 2], [0, 1, 2]]) func preparedCasesEqualThoseOfNNUNet(name: String, backwards: [Int]) throws {
    let files = try GoldenFiles(name, backwards: backwards), plans = "\(files.folder.path)/plans.json"
    try files.set.plans.text().write(toFile: plans, atomically: true, encoding: .utf8)
    var compared = 0
    for configuration in ["3d_fullres", "2d"] {
      let packs = "\(files.folder.path)/\(configuration)"
      let settings = try Plan(file: plans).preparation(configuration, of: plans, for: try Dataset.open(files.data))
      let outcome = try prepareDataset(PreparationPlan(dataset: files.data, output: packs, settings: settings)) { _ in }
      #expect(outcome.omitted.isEmpty && outcome.problem == nil, "\(outcome)")
      let reader = try PackReader(folder: packs)
      for entry in reader.index.entries {
        let key = "\(entry.identifier).\(configuration)"
        guard let image = files.tensors["\(key).image"], let label = files.tensors["\(key).label"] else { continue }
        let expected = try JSONDecoder().decode(GoldenCase.self, from: Data(files.texts[key]!.utf8))
        let packed = try reader.read(entry.identifier), frame = packed.frame
        #expect((0..<3).map { packed.extent[$0] } == expected.shape_after_resampling)
        let flips = (0..<3).filter { frame.grid.flipped[$0] }, turn = PatchPermutation(quarterTurns: 0, flips: flips)
        func asInFile<Value: BitwiseCopyable>(_ values: [Value]) -> [Value] {
          turn.apply(values, extent: packed.extent, channels: 1)
        }
        let box = (0..<3).map { axis in
          let start = frame.cropStart[axis], end = start + frame.cropExtent[axis], count = frame.originalExtent[axis]
          return flips.contains(axis) ? [count - end, count - start] : [start, end]
        }
        #expect(box == expected.box)
        for channel in 0..<packed.channels {
          let wanted = image.floats[channel * packed.extent.count..<(channel + 1) * packed.extent.count]
          let worst = zip(asInFile(packed.channel(channel)), wanted).map { abs($0 - $1) }.max()!
          #expect(worst < 2e-4, "\(key), channel \(channel): \(worst)")
        }
        // What lies outside the object is background here.
        #expect(zip(asInFile(packed.label!), label.floats).allSatisfy { Float($0) == max(0, $1) }, "\(key)")
        if let inside = packed.inside {
          #expect(zip(asInFile(inside), label.floats).allSatisfy { ($0 == 0) == ($1 < 0) }, "\(key)")
        }
        #expect((packed.inside == nil) == (name != "Framed"))
        compared += 1
      }
    }
    #expect(compared > 0)
  }
}
