// ReLiF-3D without its foundation-model prior (shared/spec/relif.md 3 and 5): a supervised cross-fade on the bias-field view of labelled
// volumes, and confidence-gated co-regularisation between the clean and the bias-field view of unlabelled volumes. The prior's terms
// (KL, lesion-aware consistency) are absent, as `prior: none` defines.

import Kernels
import Learning
import Networks
import Preparation
import Tensors

public final class ReLiF: Method {
  public static let name = "relif"
  public static let summary = "ReLiF-3D: bias-field paired views with a confidence gate, no foundation-model prior"
  public static let options = [
    SupervisedBlend.option,
    MethodOption("sobf", .choice("paper", of: SOBFPreset.allCases.map(\.rawValue)), "how bias fields are made"),
    MethodOption("gateStart", .number(0.90), "confidence that the gate asks for at the first step"),
    MethodOption("gateEnd", .number(0.70), "and at the last, linear between"),
    MethodOption("consistency", .number(1), "weight of the gated consistency term"),
    MethodOption(
      "ramp", .choice("none", of: ["none", "sigmoid"]),
      "full weight throughout (published), or rising as exp(-5 (1 - t/T)²), so that labels are learnt first"),
    MethodOption(
      "normalise", .choice("perSample", of: GateNormalization.allCases.map(\.rawValue)),
      "divide the consistency by all gated voxels (published), or weigh background and foreground alike (perClass)"),
  ]

  public let trained: [TrainedModule]
  public let predictor: any Network
  public let recipe: BatchRecipe
  private let blend: SupervisedBlend
  private let gateStart: Double
  private let gateEnd: Double
  private let consistency: Double
  private let ramps: Bool
  private let normalization: GateNormalization

  public init(_ plan: MethodPlan) throws(MethodError) {
    predictor = try plan.makeNetwork()
    trained = [TrainedModule("student", predictor)]
    blend = SupervisedBlend(rawValue: try plan.choice("sup", of: Self.self))!
    gateStart = try plan.number("gateStart", of: Self.self, in: 0...1)
    gateEnd = try plan.number("gateEnd", of: Self.self, in: 0...1)
    consistency = try plan.number("consistency", of: Self.self, in: 0...1000)
    ramps = try plan.choice("ramp", of: Self.self) == "sigmoid"
    normalization = GateNormalization(rawValue: try plan.choice("normalise", of: Self.self))!
    let preset = SOBFPreset(rawValue: try plan.choice("sobf", of: Self.self))!
    recipe = BatchRecipe(labelled: .biased, unlabelled: [.clean, .biased], field: SOBF(preset: preset))
  }

  /// The confidence that both views must reach at a step.
  public func gateThreshold(at step: Step) -> Double { gateStart * (1 - step.progress) + gateEnd * step.progress }

  /// The weight of the consistency term at a step.
  public func consistencyWeight(at step: Step) -> Double {
    let rest = 1 - step.progress
    return ramps ? consistency * exponential(-5 * rest * rest) : consistency
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    var result = LossTerms(try batch.supervisedTerms(blend, view: .biased, network: predictor, at: step, on: tape))
    var coverage = 0.0, foregroundCoverage = 0.0
    let share = 1 / Double(max(1, batch.unlabelled.count))
    for sample in batch.unlabelled {
      let p = probabilities(sample, .clean, at: step, on: tape), q = probabilities(sample, .biased, at: step, on: tape)
      let (loss, gate) = tape.gatedConsistency(p, q, threshold: gateThreshold(at: step), normalization: normalization)
      result.terms.append(LossTerm("consistency", loss, weight: share * consistencyWeight(at: step)))
      coverage += share * gate.open / Double(p.shape.rows)
      foregroundCoverage += share * gate.openForeground / max(1, gate.foreground)
    }
    result.diagnostics = [("gateCoverage", coverage), ("gateForeground", foregroundCoverage)]
    return result
  }

  private func probabilities(_ sample: Sample, _ view: ViewRequest, at step: Step, on tape: Tape) -> Tensor {
    guard let image = sample.view(view) else { fatalError("the recipe does not ask for the view that the loss reads") }
    return tape.softmax(
      predictor.logits(image, mode: .training(dropout: sample.dropout(view: view, seed: step.seed)), on: tape))
  }
}
