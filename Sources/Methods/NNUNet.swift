// nnU-Net's supervised training (Isensee et al., doi:10.1038/s41592-020-01008-z; MIC-DKFZ/nnUNet v2.8.1,
// nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py): Dice and cross entropy of every head of the decoder but the lowest.

import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class NNUNet: Method {
  public static let name = "nnunet"
  public static let summary = "nnU-Net's training on labelled volumes: Dice and cross entropy on the decoder's heads"
  private static let dice = Setting(
    "dice", default: BatchLoss.Dice.sample,
    "Sums of Dice: sample takes each crop by itself; batch takes the crops of all lanes together, for which the network runs forward twice."
  )
  private static let deepSupervision = Setting(
    "deepSupervision", default: true, .flag,
    "Losses at the heads of all resolutions but the lowest, each with half the weight of the one above; false leaves the full resolution."
  )
  private static let regionGroups = Setting<[[Int]]?>(
    "regions", default: nil, .optional(.groups(upTo: 255, count: 64)),
    "Two or more regions that may overlap, learnt by sigmoids in place of classes: labels with commas, regions with semicolons, for example 1,2,3;2,3;3. "
      + "A voxel in several gets the first label of the last of them. Nothing takes the regions of the data set, if it has any.")
  public static let options: [any SettingDescription] = [dice, deepSupervision, regionGroups]
  public static func regions(_ options: SettingValues, data: [[Int]]?) -> [[Int]]? { options[regionGroups] ?? data }

  public let trained: [TrainedModule]
  public let predictor: any Network
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [])
  public var countsBatches: Bool { batchLoss.needsSums }
  private let batchLoss: BatchLoss
  private let isDeep: Bool

  public init(_ plan: MethodPlan) throws(MethodError) {
    predictor = try plan.makeNetwork()
    trained = [TrainedModule("student", predictor)]
    let regions = Self.regions(plan.options, data: plan.regions)
    if let label = regions?.joined().max(), label >= plan.labels {
      throw MethodError("method.regions names the label \(label), but the data have 0 to \(plan.labels - 1): leave it out.")
    }
    let targets = regions.map { LabelTargets(regions: $0, labels: plan.labels) } ?? LabelTargets(classes: plan.labels)
    batchLoss = BatchLoss(targets: targets, dice: plan[Self.dice], addsRegions: plan.hasIgnored)
    isDeep = plan[Self.deepSupervision]
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let heads = try heads(batch, at: step, on: tape), size = batchLoss.sumsPerHead
    let terms = heads.enumerated().flatMap { number, head in
      let sums = batch.sums.map { OverlapSums(Array($0.values[number * size..<(number + 1) * size])) }
      return batchLoss.terms(head.scores, weight: head.weight, sums: sums, lanes: batch.sums?.lanes ?? 1, on: tape)
    }
    return LossTerms(terms)
  }

  public func counts(_ batch: Batch, at step: Step) throws(MethodError) -> [Double] {
    try heads(batch, at: step, on: Tape(recording: false)).flatMap { batchLoss.sums($0.scores).values }
  }

  /// The heads that count, with their weights.
  private func heads(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> [(scores: HeadScores, weight: Double)] {
    var labels: [[UInt8]] = []
    for sample in batch.labelled { labels.append(try sample.knownLabel()) }
    let logits = predictor.headLogits(batch.labelled, at: step, on: tape).prefix(isDeep ? .max : 1)
    return weightedHeads(Array(logits), labels: labels)
  }
}
