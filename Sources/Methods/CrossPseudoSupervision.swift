// Cross pseudo supervision: two students of one architecture and different first weights (Chen et al., arXiv:2106.01226; HiLab-git/SSL4MIS,
// code/train_cross_pseudo_supervision_3D.py).

import Networks
import Preparation
import Settings
import Tensors

public final class CrossPseudoSupervision: Method {
  public static let name = "cps"
  public static let summary = "CPS: two students of one kind, each learns on unlabelled crops from the other's labels"
  private static let weight = ConsistencyOptions(publishedEpochs: 200)
  private static let deepSupervision = Setting(
    "deepSupervision", default: false, .flag,
    "Losses as nnU-Net's, Dice and cross entropy at the heads of all resolutions but the lowest, with the other's labels at each; false as published, half "
      + "of each at full resolution.")
  public static let options: [any SettingDescription] = [deepSupervision] + weight.all
  public static let hasTwoStudents = true

  private let pair: StudentPair
  private let weight: ConsistencyWeight
  private let groups: [String]
  private let isDeep: Bool
  public var trained: [TrainedModule] { pair.trained }
  public var predictor: any Network { pair.first }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])

  public init(_ plan: MethodPlan) throws(MethodError) {
    pair = StudentPair(try plan.makeNetwork(), try plan.makeNetwork(seedOffset: 1), of: Self.name)
    (weight, groups, isDeep) = (Self.weight.weight(plan), plan.groups, plan[Self.deepSupervision])
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws -> LossTerms {
    isDeep
      ? try pair.deepTerms(batch, weight: weight.at(step), groups: groups, at: step, on: tape)
      : try pair.terms(batch, .crossEntropy, weight: weight.at(step), groups: groups, at: step, on: tape)
  }
}
