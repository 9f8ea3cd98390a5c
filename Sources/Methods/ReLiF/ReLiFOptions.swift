// The options of ReLiF-3D and its schedules; published values stand in kunaljangid01/ReLiF_3D, README.md and
// code/ReLiF_3D_train_brats.py.

import Kernels
import Learning
import Networks
import Preparation

/// What the objective reproduces.
public enum ReLiFFidelity: String, Sendable, CaseIterable {
  /// What the method says, with the defects of the released program repaired.
  case intent
  /// What the released program computes: the prior has no influence on any gradient.
  case released
  /// The same as `intent`, but the fourth term aligns the student with the prior's own features.
  case literalPage
}

/// What the fourth term compares with the student's features on the bias-field view.
public enum AlignmentMode: String, Sendable, CaseIterable {
  case none
  /// Its features on the clean view.
  case views
  /// The prior's own.
  case priorAlign
  case both
}

/// What lies between features and cosine in the comparison of views.
enum AlignmentHead: String, CaseIterable { case frozenRandom, trainable, identity }

enum GateSchedule: String, CaseIterable { case linear, constant, rampUp }

struct ReLiFOptions {
  static let all =
    [
      MethodOption(
        "fidelity", choice(ReLiFFidelity.self, .intent),
        "intent; released: what the authors' program computes, without any influence of the prior; literalPage: larc.mode priorAlign"
      ),
      SupervisedBlend.option,
      MethodOption("sobf", choice(SOBFPreset.self, .paper), "how bias fields are made"),
      MethodOption(
        "viewOrder", .choice("joint", of: ["joint", "lean"]), "lean computes the clean view twice: less memory, same bits"),
    ] + gate + distillation + alignment
  private static let gate = [
    MethodOption("cgcr.weight", .number(1), "weight of the consistency of both views"),
    MethodOption("cgcr.thresholdStart", .number(0.90), "confidence that the gate asks for at the first step"),
    MethodOption("cgcr.thresholdEnd", .number(0.70), "and at the last"),
    MethodOption(
      "cgcr.schedule", choice(GateSchedule.self, .linear),
      "threshold: linear between both, constant at the first, or rampUp from the last to the first"),
    MethodOption("cgcr.gate", choice(GateKind.self, .hard), "which voxels count, and how much"),
    MethodOption("cgcr.kappa", .number(2), "exponent of the soft gates"),
    MethodOption("cgcr.prior", choice(ConsistencyGate.Veto.self, .off), "whether the prior shuts or weighs the gate"),
    MethodOption("cgcr.term", choice(ConsistencyTerm.self, .mse), "how the two predictions are compared"),
    MethodOption("cgcr.stopGradient", .choice("none", of: ["none", "clean"]), "clean: the clean view is a fixed target"),
    MethodOption(
      "cgcr.normalise", choice(GateNormalization.self, .perSample),
      "divide by all gated voxels (published), or weigh background and foreground alike (perClass)"),
    MethodOption(
      "cgcr.ramp", .choice("none", of: ["none", "sigmoid"]),
      "full weight throughout (published), or rising as exp(-5 (1 - t/T)²), so that labels are learnt first"),
  ]
  private static let distillation = [
    MethodOption("kl.weight", .number(0.1), "weight of the distillation from the prior at the end of its ramp"),
    MethodOption(
      "kl.ramp", .choice("sigmoid", of: ["none", "sigmoid"]), "rising in 200 stairs (published), or full weight throughout"),
    MethodOption("kl.temperature", .number(2), "both sides are softened by it"),
    MethodOption("kl.scope", .choice("all", of: ["all", "unlabelled"]), "samples that learn from the prior"),
    MethodOption(
      "kl.target", .choice("softLogits", of: ["softLogits", "hardMask"]), "the prior's logits, or its mask as logits of ±1"),
    MethodOption("kl.gate", .number(0), "leave out voxels where no class of the prior is surer than 0.5 by more than this"),
    MethodOption("kl.reduction", choice(DistillationReduction.self, .channelMean), "divide by voxels and classes, or by voxels"),
  ]
  private static let alignment = [
    MethodOption("larc.mode", choice(AlignmentMode.self, .views), "with what the student's features are compared"),
    MethodOption("larc.weight", .number(0.08), "weight at the end of its warm-up"),
    MethodOption("larc.layer", choice(FeatureLayer.self, .dec1), "features of the comparison of views"),
    MethodOption("larc.gamma", .number(1.5), "exponent of the prior's probability as a weight"),
    MethodOption("larc.minimumMass", .number(50), "voxels that the weights must sum to"),
    MethodOption(
      "larc.head", choice(AlignmentHead.self, .frozenRandom), "between features and cosine, in the comparison of views"),
    MethodOption("larc.scope", .choice("unlabelled", of: ["all", "unlabelled"]), "samples that are compared"),
    MethodOption("larc.background", .number(0.05), "weight of background tokens in the comparison with the prior"),
  ]

  let fidelity: ReLiFFidelity
  let blend: SupervisedBlend
  let field: SOBF
  let isLean: Bool
  let consistency: Consistency
  let kl: KL
  let larc: LARC

  struct Consistency {
    let weight, start, end, kappa: Double
    let schedule: GateSchedule
    let kind: GateKind
    let veto: ConsistencyGate.Veto
    let term: ConsistencyTerm
    let fixesClean, ramps: Bool
    let normalization: GateNormalization

    func gate(at step: Step) -> ConsistencyGate {
      ConsistencyGate(kind, threshold: threshold(at: step), kappa: kappa, veto: veto)
    }

    func threshold(at step: Step) -> Double {
      switch schedule {
      case .linear: start * (1 - step.progress) + end * step.progress
      case .constant: start
      case .rampUp: end * (1 - step.progress) + start * step.progress
      }
    }

    func weight(at step: Step) -> Double {
      let rest = 1 - step.progress
      return ramps ? weight * exponential(-5 * rest * rest) : weight
    }
  }

  struct KL {
    let weight, temperature, gate: Double
    let ramps, isOfAll, isHard: Bool
    let reduction: DistillationReduction

    /// λ_c: 0.1 at the end of a run as published.
    func weight(at step: Step) -> Double { weight * (ramps ? ConsistencyRamp.weight(at: step.index, of: step.total) : 1) }
  }

  struct LARC {
    let mode: AlignmentMode
    let weight, gamma, minimumMass, background: Double
    let layer: FeatureLayer
    let head: AlignmentHead
    let isOfAll: Bool

    var comparesViews: Bool { mode == .views || mode == .both }
    var alignsWithPrior: Bool { mode == .priorAlign || mode == .both }

    /// λ_l: off for the first 30th of the run, then linear to full at a 15th: steps 1000 and 2000 of 30000 as published.
    func weight(at step: Step) -> Double {
      let progress = 15 * step.progress
      return progress < 0.5 ? 0 : weight * min(1, progress)
    }
  }

  init(_ plan: MethodPlan) throws(MethodError) {
    func number(_ name: String, _ range: ClosedRange<Double>) throws(MethodError) -> Double {
      try plan.number(name, of: ReLiF.self, in: range)
    }
    func text(_ name: String) throws(MethodError) -> String { try plan.choice(name, of: ReLiF.self) }
    fidelity = ReLiFFidelity(rawValue: try text("fidelity"))!
    blend = SupervisedBlend(rawValue: try text("sup"))!
    // The released program does not restore orthogonality after the squash (`sobf_augment`).
    let preset = plan.options["sobf"] == nil && fidelity == .released ? .released : SOBFPreset(rawValue: try text("sobf"))!
    field = SOBF(preset: preset)
    isLean = try text("viewOrder") == "lean"
    consistency = Consistency(
      weight: try number("cgcr.weight", 0...1000), start: try number("cgcr.thresholdStart", 0...1),
      end: try number("cgcr.thresholdEnd", 0...1), kappa: try number("cgcr.kappa", 0...100),
      schedule: GateSchedule(rawValue: try text("cgcr.schedule"))!, kind: GateKind(rawValue: try text("cgcr.gate"))!,
      veto: ConsistencyGate.Veto(rawValue: try text("cgcr.prior"))!, term: ConsistencyTerm(rawValue: try text("cgcr.term"))!,
      fixesClean: try text("cgcr.stopGradient") == "clean", ramps: try text("cgcr.ramp") == "sigmoid",
      normalization: GateNormalization(rawValue: try text("cgcr.normalise"))!)
    kl = KL(
      weight: try number("kl.weight", 0...1000), temperature: try number("kl.temperature", 0.01...100),
      gate: try number("kl.gate", 0...0.5), ramps: try text("kl.ramp") == "sigmoid", isOfAll: try text("kl.scope") == "all",
      isHard: try text("kl.target") == "hardMask", reduction: DistillationReduction(rawValue: try text("kl.reduction"))!)
    let mode = fidelity == .literalPage ? .priorAlign : AlignmentMode(rawValue: try text("larc.mode"))!
    larc = LARC(
      mode: mode, weight: try number("larc.weight", 0...1000), gamma: try number("larc.gamma", 0...10),
      minimumMass: try number("larc.minimumMass", 0...1e9), background: try number("larc.background", 0...1),
      layer: FeatureLayer(rawValue: try text("larc.layer"))!, head: AlignmentHead(rawValue: try text("larc.head"))!,
      isOfAll: try text("larc.scope") == "all")
  }

  private static func choice<Choice: RawRepresentable & CaseIterable>(_: Choice.Type, _ standard: Choice) -> MethodOption.Value
  where Choice.RawValue == String {
    .choice(standard.rawValue, of: Choice.allCases.map(\.rawValue))
  }
}
