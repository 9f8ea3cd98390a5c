// Planning alone against nnU-Net 2.8.1: a fingerprint goes in, the whole plans file comes out (nnunet_plans.json).

import Foundation
import Planning
import TestSupport
import Testing

/// A data set of nnunet_plans.json.
private struct GoldenPlan: Decodable {
  struct Description: Decodable {
    var channel_names, labels: PlanJSON
    var numTraining: Int
    var overwrite_image_reader_writer: String
  }
  var dataset: Description
  var fingerprint, plans: PlanJSON
}

@Suite struct GoldenPlanTests {
  @Test func plansEqualThoseOfNNUNet() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: golden("nnunet_plans.json")))
    let goldens = try JSONDecoder().decode([String: GoldenPlan].self, from: bytes)
    #expect(!goldens.isEmpty)
    for (name, golden) in goldens.sorted(by: { $0.key < $1.key }) {
      let expected = golden.plans, channels = golden.dataset.channel_names
      let input = PlanningInput(
        datasetName: expected["dataset_name"]!.string!,
        channelNames: channels.rows!.indices.map { channels["\($0)"]!.string! }, labelCount: golden.dataset.labels.rows!.count,
        caseCount: golden.dataset.numTraining, reader: golden.dataset.overwrite_image_reader_writer)
      let plan = try Planner().plan(try DatasetFingerprint(text: golden.fingerprint.text()), input)
      let found = try parsed(plan.text)
      #expect(found == expected, "\(name): \(differences(found, expected))")
    }
  }

  /// The plan of a published liver data set (github.com/YangForever/care2025_liver_biodreamer): nnU-Net 2.2 kept its configuration of low resolution.
  @Test(arguments: LowResolutionRule.allCases) func theRuleForLowResolutionDecidesOnBatchDice(rule: LowResolutionRule) throws {
    let plan = try Planner(lowResolution: rule).plan(uniform([2.50000262, 1, 1], [78, 305, 373], cases: 353), input(cases: 353))
    #expect(plan["3d_fullres"]!.patch == [48, 192, 224] && plan["3d_fullres"]!.batchSize == 2)
    #expect(plan["2d"]!.patch == [320, 384] && plan["2d"]!.batchSize == 26)
    #expect(plan["3d_fullres"]!.batchDice == (rule == .keep))
    guard rule == .keep else { return #expect(plan["3d_lowres"] == nil) }
    #expect(plan["3d_lowres"]!.patch == [48, 192, 224] && plan["3d_lowres"]!.medianShape == [78, 287, 352])
    #expect(abs(plan["3d_lowres"]!.spacing[1] - 1.0609) < 1e-9)
  }

  @Test func aPlanThatIsReadIsTheOneThatWasWritten() throws {
    let plan = try Planner(lowResolution: .keep).plan(uniform([2.5, 1, 1], [78, 305, 373], cases: 9), input(cases: 9))
    try withTemporaryFolder { folder in
      try plan.text.write(toFile: folder + "/plans.json", atomically: true, encoding: .utf8)
      let read = try Plan(file: folder + "/plans.json")
      #expect(Set(read.configurations.map(\.name)) == Set(plan.configurations.map(\.name)))
      for configuration in plan.configurations {
        var found = read[configuration.name]!
        // What the last stage of a cascade inherits is not told apart.
        found.nextStage = configuration.nextStage
        #expect(found == configuration, "\(configuration.name)")
      }
      #expect(read.intensities == plan.intensities && read.transposeForward == plan.transposeForward)
    }
  }

  /// Every golden plan, its networks described by the keys of nnU-Net 2.2 instead, is read as the same plan.
  @Test func bothGenerationsOfPlansAreRead() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: golden("nnunet_plans.json")))
    for (name, golden) in try JSONDecoder().decode([String: GoldenPlan].self, from: bytes) {
      try withTemporaryFolder { folder in
        let old = golden.plans.replacing("configurations") { .table($0.rows!.map { ($0.key, flat($0.value)) }) }
        try golden.plans.text().write(toFile: folder + "/new.json", atomically: true, encoding: .utf8)
        try old.text().write(toFile: folder + "/old.json", atomically: true, encoding: .utf8)
        let (read, new) = (try Plan(file: folder + "/old.json"), try Plan(file: folder + "/new.json"))
        #expect(old != golden.plans && !new.configurations.isEmpty)
        for configuration in new.configurations {
          var found = read[configuration.name]!
          #expect(found.network.name == "PlainConvUNet")
          found.network.name = configuration.network.name
          #expect(found == configuration, "\(name) \(configuration.name)")
        }
      }
    }
  }

  /// A configuration with the keys of nnU-Net 2.2; one that inherits stays as it is.
  private func flat(_ configuration: PlanJSON) -> PlanJSON {
    guard let network = configuration["architecture"]?["arch_kwargs"] else { return configuration }
    let widths = network["features_per_stage"]!.items!.map { Int($0.double!) }
    return .table(
      configuration.without(["architecture"]).rows! + [
        ("UNet_class_name", .text("PlainConvUNet")), ("UNet_base_num_features", .integer(widths[0])),
        ("unet_max_num_features", .integer(widths.max()!)), ("n_conv_per_stage_encoder", network["n_conv_per_stage"]!),
        ("n_conv_per_stage_decoder", network["n_conv_per_stage_decoder"]!), ("num_pool_per_axis", .list([])),
        ("pool_op_kernel_sizes", network["strides"]!), ("conv_kernel_sizes", network["kernel_sizes"]!),
      ])
  }

  /// A budget lowers the patch until the cost fits, and one that nothing fits is refused.
  @Test func aBudgetMakesASmallerPlan() throws {
    let fingerprint = uniform([1, 1, 1], [160, 160, 160], cases: 30)
    func bytes(_ configuration: PlanConfiguration) -> StepCost {
      StepCost(bytes: configuration.patch.reduce(1000, *), seconds: 1e-6 * Double(configuration.patch.reduce(1, *)))
    }
    let free = try Planner().plan(fingerprint, input(cases: 30), within: StepBudget()) { bytes($0) }
    for budget in [StepBudget(bytes: free.cost.bytes / 3), StepBudget(seconds: free.cost.seconds / 10)] {
      let small = try Planner().plan(fingerprint, input(cases: 30), within: budget) { bytes($0) }
      #expect(small.cost.bytes <= budget.bytes ?? .max && small.cost.seconds <= budget.seconds ?? .infinity)
      let patch = small.plan.costed.patch
      #expect(zip(patch, small.plan.costed.network.divisor).allSatisfy { $0 % $1 == 0 } && patch.min()! >= 16)
    }
    #expect(throws: (any Error).self) {
      try Planner().plan(fingerprint, input(cases: 30), within: StepBudget(bytes: 1)) { bytes($0) }
    }
  }

  private func input(cases: Int) -> PlanningInput {
    PlanningInput(datasetName: "Made", channelNames: ["MRI"], labelCount: 2, caseCount: cases, reader: "SimpleITKIO")
  }

  /// Cases that are all alike.
  private func uniform(_ spacing: [Double], _ shape: [Int], cases: Int) -> DatasetFingerprint {
    let intensity = IntensityProperties(
      mean: 1, median: 1, standardDeviation: 1, minimum: 0, maximum: 2, percentile0_5: 0, percentile99_5: 2)
    return DatasetFingerprint(
      spacings: [[Double]](repeating: spacing, count: cases), shapes: [[Int]](repeating: shape, count: cases), relativeSize: 1,
      intensities: [intensity])
  }
}
