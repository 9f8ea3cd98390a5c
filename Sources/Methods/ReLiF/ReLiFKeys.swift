// The table of ReLiF-3D's options; published values stand in kunaljangid01/ReLiF_3D, README.md and code/ReLiF_3D_train_brats.py.

import Kernels
import Learning
import Networks
import Preparation
import Settings

/// What the objective reproduces.
public enum ReLiFFidelity: String, Sendable, CaseIterable {
  /// The method as published, with the defects of the released program repaired.
  case intent
  /// What the released program computes: the prior has no influence on any gradient.
  case released
  /// Intent, but the fourth term aligns the student with the prior's own features.
  case literalPage
}

/// What the fourth term compares with the student's features on the bias-field view.
public enum AlignmentMode: String, Sendable, CaseIterable {
  case none
  /// The student's features on the clean view.
  case views
  /// The prior's features.
  case priorAlign
  case both
}

/// What lies between features and cosine in the comparison of views.
enum AlignmentHead: String, CaseIterable { case frozenRandom, trainable, identity }

enum GateSchedule: String, CaseIterable { case linear, constant, rampUp }

/// The order in which the views go through the student.
enum ViewOrder: String, CaseIterable { case joint, lean }

/// The view of a pair that is a fixed target.
enum StopGradient: String, CaseIterable { case none, clean }

/// How a weight rises over the run.
enum WeightRamp: String, CaseIterable { case none, sigmoid }

/// The samples to which a term applies.
enum SampleScope: String, CaseIterable { case all, unlabelled }

/// What of the prior the student learns.
enum DistillationTarget: String, CaseIterable { case softLogits, hardMask }

/// The settings of ReLiF-3D.
enum ReLiFKeys {
  static let all: [any SettingDescription] =
    [fidelity, SupervisedBlend.option, fields, viewOrder] + Gate.all + Distillation.all + Alignment.all

  static let fidelity = Setting(
    "fidelity", default: ReLiFFidelity.intent,
    "What is computed: intent is the method as it is described; released what the authors' program does, where the prior has no "
      + "influence; literalPage is intent with `larc.mode: priorAlign`.")
  static let fields = Setting(
    "sobf", default: SOBFPreset.paper,
    "How bias fields are made: paper as published; released as in the authors' program, not quite orthogonal; smooth by three "
      + "box passes; spectral of cosine waves; physical of polynomials, as slow as a real coil's.")
  static let viewOrder = Setting(
    "viewOrder", default: ViewOrder.joint,
    "How the two views of a pair go through the student: joint keeps both for the backward pass; lean computes the clean view "
      + "twice: less memory, the same bits.")

  /// Consistency of the two views of an unlabelled crop.
  enum Gate {
    static let all: [any SettingDescription] = [
      weight, start, end, schedule, kind, kappa, veto, term, stopGradient, normalization, ramp,
    ]
    static let weight = Setting("cgcr.weight", default: 1.0, in: 0...1000, "Weight of the consistency between the two views.")
    static let start = Setting(
      "cgcr.thresholdStart", default: 0.9, in: 0...1,
      "Confidence that both views must reach at the first step to open the hard gate.")
    static let end = Setting(
      "cgcr.thresholdEnd", default: 0.7, in: 0...1,
      "Confidence that both views must reach at the last step to open the hard gate.")
    static let schedule = Setting(
      "cgcr.schedule", default: GateSchedule.linear,
      "How the threshold moves: linear from thresholdStart to thresholdEnd, constant at thresholdStart, or rampUp from "
        + "thresholdEnd to thresholdStart.")
    static let kind = Setting(
      "cgcr.gate", default: GateKind.hard,
      "Weight of a voxel: hard is 1 where both views name one class and are sure of it, else 0; soft is (confidence · "
        + "confidence)^kappa where both name one class; softAll the same everywhere; js is exp(-kappa · Jensen-Shannon "
        + "divergence).")
    static let kappa = Setting("cgcr.kappa", default: 2.0, in: 0...100, "Exponent kappa of the gates soft, softAll and js.")
    static let veto = Setting(
      "cgcr.prior", default: ConsistencyGate.Veto.off,
      "What the prior does to the gate: off nothing; agree shuts it where the prior names another class; soft weighs it by the "
        + "prior's probability of the class.")
    static let term = Setting(
      "cgcr.term", default: ConsistencyTerm.mse,
      "How the two predictions are compared: mse by squared difference, kl by symmetric Kullback-Leibler divergence, dice by "
        + "soft Dice.")
    static let stopGradient = Setting(
      "cgcr.stopGradient", default: StopGradient.none, "Which view is a fixed target: none, so that both learn, or clean.")
    static let normalization = Setting(
      "cgcr.normalise", default: GateNormalization.perSample,
      "How the consistency is averaged: perSample over all gated voxels (published); perClass gives background and foreground "
        + "half of the loss each.")
    static let ramp = Setting(
      "cgcr.ramp", default: WeightRamp.none,
      "How the weight rises over the run: none is full weight throughout (published); sigmoid is exp(-5 (1 - t/T)²) of it, so "
        + "that labels are learnt first.")
  }

  /// Distillation from the prior.
  enum Distillation {
    static let all: [any SettingDescription] = [weight, ramp, temperature, scope, target, gate, reduction]
    static let weight = Setting(
      "kl.weight", default: 0.1, in: 0...1000, "Weight of the distillation from the prior at the end of its ramp.")
    static let ramp = Setting(
      "kl.ramp", default: WeightRamp.sigmoid,
      "How the weight rises over the run: sigmoid in 200 stairs (published); none is full weight throughout.")
    static let temperature = Setting(
      "kl.temperature", default: 2.0, in: 0.01...100,
      "Temperature that softens the probabilities of the student and of the prior.")
    static let scope = Setting("kl.scope", default: SampleScope.all, "Samples that learn from the prior.")
    static let target = Setting(
      "kl.target", default: DistillationTarget.softLogits,
      "What the student learns: softLogits are the prior's logits, hardMask its mask as logits of ±1.")
    static let gate = Setting(
      "kl.gate", default: 0.0, in: 0...0.5,
      "Voxels where no class of the prior is surer than 0.5 by more than this are left out; 0 takes all.")
    static let reduction = Setting(
      "kl.reduction", default: DistillationReduction.channelMean,
      "What the sum is divided by: channelMean by voxels times classes (published), voxelSum by voxels.")
  }

  /// Alignment of features.
  enum Alignment {
    static let all: [any SettingDescription] = [mode, weight, layer, gamma, minimumMass, head, scope, background]
    static let mode = Setting(
      "larc.mode", default: AlignmentMode.views,
      "Features that the student's on the bias-field view are compared with: views takes its own on the clean view, priorAlign "
        + "the prior's, both takes both; none leaves the term out.")
    static let weight = Setting("larc.weight", default: 0.08, in: 0...1000, "Weight of the alignment at the end of its warm-up.")
    static let layer = Setting(
      "larc.layer", default: FeatureLayer.dec1,
      "Features that the comparison of views reads: the bottleneck, or a decoder stage, of which dec1 is the finest.")
    static let gamma = Setting(
      "larc.gamma", default: 1.5, in: 0...10, "Exponent of the prior's probability where it weighs features.")
    static let minimumMass = Setting(
      "larc.minimumMass", default: 50.0, in: 0...1e9,
      "Voxels that the weights of a class must sum to; classes of which there is less are left out.")
    static let head = Setting(
      "larc.head", default: AlignmentHead.frozenRandom,
      "What lies between features and cosine in the comparison of views: a frozen random projection, a trainable one, or nothing "
        + "(identity).")
    static let scope = Setting("larc.scope", default: SampleScope.unlabelled, "Samples whose features are compared.")
    static let background = Setting(
      "larc.background", default: 0.05, in: 0...1, "Weight of background tokens in the comparison with the prior.")
  }
}
