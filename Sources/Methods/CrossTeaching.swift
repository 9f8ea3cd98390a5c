// Cross teaching: two students of different architectures, which learn from each other's labels by Dice (Luo et al., arXiv:2112.04894;
// HiLab-git/SSL4MIS, code/train_cross_teaching_between_cnn_transformer_2D.py).

import Networks
import Preparation
import Settings
import Tensors

public final class CrossTeaching: Method {
  public static let name = "cross-teaching"
  public static let summary =
    "cross teaching: two students of different kinds, each learns on unlabelled crops from the other's labels"
  private static let second = Setting(
    "secondNetwork", default: "vnet", among: networkCatalog.map { $0.name },
    "The other student, with its default options; another kind than network.name.")
  private static let weight = ConsistencyOptions(publishedEpochs: 200)
  public static let options: [any SettingDescription] = [second] + weight.all
  public static let hasTwoStudents = true

  private let pair: StudentPair
  private let weight: ConsistencyWeight
  private let groups: [String]
  public var trained: [TrainedModule] { pair.trained }
  public var predictor: any Network { pair.first }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean])

  public init(_ plan: MethodPlan) throws(MethodError) {
    let name = plan[Self.second]
    guard name != plan.networkName else {
      throw MethodError(
        "method.secondNetwork is \(name), as network.name is: cross teaching needs two kinds of network, or take method: cps.")
    }
    pair = StudentPair(try plan.makeNetwork(), try plan.makeNetwork(named: name, seedOffset: 1), of: Self.name)
    (weight, groups) = (Self.weight.weight(plan), plan.groups)
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws -> LossTerms {
    try pair.terms(batch, .dice, weight: weight.at(step), groups: groups, at: step, on: tape)
  }
}
