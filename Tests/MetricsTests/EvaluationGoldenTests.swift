// Counts, overlaps and distances against nnU-Net's and medpy's, nnU-Net's summary, and means by phase and vendor.

import Foundation
import Metrics
import TestSupport
import Testing
import Volumes

@Suite struct EvaluationGoldenTests {
  private struct Values: Decodable {
    var spacing: [Double]
    var tp, fp, fn, tn: Int
    var dice, iou: Double
    var hd, hd95, asd_prediction_to_reference, asd_reference_to_prediction: Double?
  }

  /// A golden pair and what the originals measured.
  private struct Pair {
    var name: String
    var values: Values
    var comparison: LabelComparison
    var extent: Extent
    var spacing: Spacing
  }

  private func pairs() throws -> [Pair] {
    let golden = try GoldenFile(TestSupport.golden("nnunet_metrics.safetensors"))
    let values = try JSONDecoder().decode([String: Values].self, from: Data(try #require(golden.texts["values"]).utf8))
    return try values.sorted { $0.key < $1.key }.map { name, values in
      let (prediction, reference) = (
        try #require(golden.tensors[name + ".prediction"]), try #require(golden.tensors[name + ".reference"])
      )
      let extent = Extent(prediction.shape[0], prediction.shape[1], prediction.shape[2])
      let comparison = LabelComparison(
        prediction: prediction.floats.map { UInt8($0) }, reference: reference.floats.map { UInt8($0) }, extent: extent)
      let spacing = Spacing(values.spacing[0], values.spacing[1], values.spacing[2])
      return Pair(name: name, values: values, comparison: comparison, extent: extent, spacing: spacing)
    }
  }

  @Test func scoresEqualTheOriginals() throws {
    for pair in try pairs() {
      let score = pair.comparison.score(1, spacing: pair.spacing), values = pair.values
      #expect(score.bothVoxels == values.tp && score.predictionVoxels == values.tp + values.fp, "\(pair.name)")
      #expect(score.referenceVoxels == values.tp + values.fn, "\(pair.name)")
      for (found, expected) in [
        (score.dice, values.dice), (score.jaccard, values.iou), (score.hausdorff, values.hd), (score.hausdorff95, values.hd95),
        (score.averageSurfaceDistance, values.asd_prediction_to_reference),
        (score.reverseAverageSurfaceDistance, values.asd_reference_to_prediction),
      ] as [(Double?, Double?)] {
        guard let expected else {
          #expect(found == nil, "\(pair.name)")
          continue
        }
        #expect(abs(try #require(found) - expected) < 1e-9 * max(1, expected), "\(pair.name): \(found!) against \(expected)")
      }
    }
  }

  @Test func theSummaryHoldsWhatTheOriginalCounts() throws {
    let pairs = try pairs()
    var table = ScoreTable(classNames: ["background", "organ", "never"]), files: [ScoredFiles] = []
    for pair in pairs {
      table.add(pair.name, pair.comparison, spacing: pair.spacing)
      files.append(
        ScoredFiles(
          name: pair.name, prediction: "p/\(pair.name).nii.gz", reference: "r/\(pair.name).nii.gz", voxels: pair.extent.count))
    }
    let text = table.summaryJSON(of: files)
    #expect(text.contains(#/"Dice" : NaN/#) && !text.contains("u0000"))
    let readable = text.replacingOccurrences(of: "NaN", with: "null")
    let summary = try #require(try JSONSerialization.jsonObject(with: Data(readable.utf8)) as? [String: Any])
    #expect(Set(summary.keys) == ["foreground_mean", "mean", "metric_per_case"])
    let cases = try #require(summary["metric_per_case"] as? [[String: Any]])
    for (pair, item) in zip(pairs, cases) {
      #expect(item["prediction_file"] as? String == "p/\(pair.name).nii.gz" && item["reference_file"] as? String != nil)
      let metrics = try #require((item["metrics"] as? [String: [String: Any]])?["1"])
      let (v, number) = (pair.values, { (name: String) in (metrics[name] as? NSNumber)?.doubleValue })
      #expect(["TP", "FP", "FN", "TN"].map { number($0) } == [v.tp, v.fp, v.fn, v.tn].map { Double($0) }, "\(pair.name)")
      #expect(number("n_pred") == Double(v.tp + v.fp) && number("n_ref") == Double(v.tp + v.fn))
      #expect(abs(number("Dice")! - v.dice) < 1e-12 && abs(number("IoU")! - v.iou) < 1e-12)
    }
    let mean = pairs.reduce(0) { $0 + $1.values.dice } / Double(pairs.count)
    let means = try #require(summary["mean"] as? [String: [String: Any]])
    #expect(abs(means["1"]!["Dice"] as! Double - mean) < 1e-12 && means["2"]!["Dice"] is NSNull)
    // The class that no case has is left out of the mean over classes.
    #expect(abs((summary["foreground_mean"] as! [String: Any])["Dice"] as! Double - mean) < 1e-12)
  }

  @Test func meansByPhaseAndVendorAreThoseOfTheirCases() throws {
    let pairs = try pairs(), vendors = ["A", "B"]
    var table = ScoreTable(classNames: ["background", "organ"]), origins: [String: CaseOrigin] = [:]
    for (number, pair) in pairs.enumerated() {
      table.add(pair.name, pair.comparison, spacing: pair.spacing)
      origins[pair.name] = CaseOrigin(patient: "p\(number)", vendor: vendors[number % 2], phase: number == 0 ? nil : "late")
    }
    let groups = table.groups(by: origins)
    #expect(
      groups.map { "\($0.property) \($0.value)" } == [
        "all ", "phase late", "vendor A", "vendor B", "phase and vendor late, A", "phase and vendor late, B",
      ])
    for vendor in vendors {
      let own = pairs.filter { origins[$0.name]!.vendor == vendor }.map(\.values.dice)
      let found = groups.first { $0.property == "vendor" && $0.value == vendor }!.table.overall(.dice)
      expectClose(found, own.reduce(0, +) / Double(own.count))
    }
    let lines = table.csv(origins: origins).split(separator: "\n")
    #expect(
      lines.count == 1 + pairs.count && lines[0].hasPrefix("case,patient,phase,vendor,label,class,Dice,")
        && lines[0].contains("HD_mm"))
    #expect(groupCSV(groups).contains("phase and vendor,\"late, A\","))
    #expect(groupText(groups).split(separator: "\n").count == 1 + groups.count)
  }
}

@Suite struct PostprocessingTests {
  private let extent = Extent(1, 1, 12)

  @Test func onlyTheLargestPartsStay() {
    // Parts of 2, 1 and 2 voxels: both of the largest stay.
    var labels: [UInt8] = [1, 2, 0, 1, 0, 0, 2, 2, 0, 0, 0, 0]
    Postprocessing(largestForeground: true).apply(to: &labels, extent: extent)
    #expect(labels == [1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0])
    Postprocessing(largestOf: [[2]]).apply(to: &labels, extent: extent)
    #expect(labels == [1, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0])
    // Corners connect.
    var corners: [UInt8] = [1, 0, 0, 1]
    Postprocessing(largestForeground: true).apply(to: &corners, extent: Extent(1, 2, 2))
    #expect(corners == [1, 0, 0, 1])
  }

  private func decide(
    _ pairs: [(prediction: [UInt8], reference: [UInt8])], _ meaning: LabelMeaning = LabelMeaning(classNames: [])
  ) -> PostprocessingDecision {
    decidePostprocessing(meaning) { body in for pair in pairs { body(pair.prediction, pair.reference, extent) } }
  }

  @Test func aRemovalStandsOnlyIfItHelps() {
    let truth: [UInt8] = [1, 1, 1, 0, 2, 2, 0, 0, 2, 2, 0, 0]
    // A stray voxel of class 1 only: removing it from class 1 helps; largest foreground would cost class 2 a half.
    let stray = decide([([1, 1, 1, 0, 2, 2, 0, 0, 2, 2, 0, 1], truth)])
    #expect(stray.postprocessing == Postprocessing(largestOf: [[1]]))
    #expect(stray.diceAfter["1"] == 1 && stray.diceBefore["1"]! < 1 && stray.diceAfter["2"] == stray.diceBefore["2"])
    // All foreground in one piece and stray voxels of both classes.
    let whole: [UInt8] = [0, 1, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0]
    let both = decide([([0, 1, 1, 1, 2, 2, 0, 1, 0, 2, 0, 1], whole)])
    #expect(both.postprocessing == Postprocessing(largestForeground: true) && both.diceAfter == ["1": 1, "2": 1])
    // Nothing to gain.
    #expect(decide([(truth, truth), (whole, whole)]).postprocessing == Postprocessing())
    // One class: the class by itself is not tried.
    #expect(
      decide([([1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])]).postprocessing.largestForeground)
  }

  /// The mean rises, yet class 2 falls: nothing is done to all foreground.
  @Test func noClassMayFall() {
    let joined: ([UInt8], [UInt8]) = ([1, 1, 2, 0, 1, 0, 1, 0, 1, 0, 1, 0], [1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    let apart: [UInt8] = [1, 1, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0]
    let found = decide([joined, joined, joined, (apart, apart)])
    #expect(found.postprocessing == Postprocessing(largestOf: [[1]]) && found.diceAfter["2"] == 1)
    #expect(decide([joined, joined, joined]).postprocessing == Postprocessing(largestForeground: true))
  }

  /// As nnU-Net does it: each on what those before it have left, and voxels of which nothing is known join parts but count in no Dice.
  @Test func regionsAreTriedOneAfterTheOther() {
    let regions = [LabelRegion(name: "whole", labels: [1, 2]), LabelRegion(name: "core", labels: [2])]
    let meaning = LabelMeaning(classNames: ["background", "whole", "core"], regions: regions, hasIgnored: true)
    // A piece of the core outside of the whole goes with the small part of the whole, so that the core alone need not be tried any more.
    let truth: [UInt8] = [1, 1, 2, 2, 1, 0, 0, 0, 0, 0, 0, 0]
    let whole = decide([([1, 1, 2, 2, 1, 0, 0, 2, 0, 0, 0, 0], truth)], meaning)
    #expect(whole.postprocessing == Postprocessing(largestForeground: true) && whole.diceAfter == ["(1, 2)": 1, "2": 1])
    // Two wholes: nothing to remove of all foreground, yet a stray core inside of one.
    let two: [UInt8] = [1, 2, 2, 1, 0, 0, 1, 1, 1, 1, 0, 0]
    let stray = decide([([1, 2, 2, 1, 0, 0, 1, 1, 2, 1, 0, 0], two)], meaning)
    #expect(stray.postprocessing == Postprocessing(largestOf: [[2]]))
    // What is removed of the core becomes background, and the whole loses it.
    #expect(stray.diceBefore["(1, 2)"] == 1 && stray.diceAfter["(1, 2)"]! < 1 && stray.diceAfter["2"] == 1)
    // Where nothing is known a part still joins others, but counts in no Dice.
    let joined = decide([([1, 1, 2, 2, 1, 1, 1, 2, 0, 0, 0, 0], [1, 1, 2, 2, 1, 3, 3, 0, 0, 0, 0, 0])], meaning)
    #expect(joined.postprocessing == Postprocessing(largestOf: [[2]]))
  }
}
