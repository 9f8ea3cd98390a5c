// The options of ReLiF-3D as a run has them, and its schedules.

import Kernels
import Learning
import Networks
import Preparation

/// The settings of ReLiF-3D as a run has them, with their schedules.
struct ReLiFOptions {
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
    let stopsGradientOfClean, ramps: Bool
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
    let ramps, includesLabelled, isHard: Bool
    let reduction: DistillationReduction

    /// λ_c: 0.1 at the end of a run as published.
    func weight(at step: Step) -> Double { weight * (ramps ? ConsistencyRamp.weight(at: step.index, of: step.total) : 1) }
  }

  struct LARC {
    let mode: AlignmentMode
    let weight, gamma, minimumMass, background: Double
    let layer: FeatureLayer
    let head: AlignmentHead
    let includesLabelled: Bool

    var comparesViews: Bool { mode == .views || mode == .both }
    var alignsWithPrior: Bool { mode == .priorAlign || mode == .both }

    /// λ_l: off for the first 30th of the run, then linear to full at a 15th: steps 1000 and 2000 of 30000 as published.
    func weight(at step: Step) -> Double {
      let progress = 15 * step.progress
      return progress < 0.5 ? 0 : weight * min(1, progress)
    }
  }

  init(_ plan: MethodPlan) {
    typealias Gate = ReLiFKeys.Gate
    typealias Distillation = ReLiFKeys.Distillation
    typealias Alignment = ReLiFKeys.Alignment
    fidelity = plan[ReLiFKeys.fidelity]
    blend = plan[SupervisedBlend.option]
    // The released program does not restore orthogonality after the squash (`sobf_augment`).
    let isReleasedField = fidelity == .released && !plan.options.isGiven(ReLiFKeys.fields)
    field = SOBF(preset: isReleasedField ? .released : plan[ReLiFKeys.fields])
    isLean = plan[ReLiFKeys.viewOrder] == .lean
    consistency = Consistency(
      weight: plan[Gate.weight], start: plan[Gate.start], end: plan[Gate.end], kappa: plan[Gate.kappa],
      schedule: plan[Gate.schedule], kind: plan[Gate.kind], veto: plan[Gate.veto], term: plan[Gate.term],
      stopsGradientOfClean: plan[Gate.stopGradient] == .clean, ramps: plan[Gate.ramp] == .sigmoid,
      normalization: plan[Gate.normalization])
    kl = KL(
      weight: plan[Distillation.weight], temperature: plan[Distillation.temperature], gate: plan[Distillation.gate],
      ramps: plan[Distillation.ramp] == .sigmoid, includesLabelled: plan[Distillation.scope] == .all,
      isHard: plan[Distillation.target] == .hardMask, reduction: plan[Distillation.reduction])
    larc = LARC(
      mode: fidelity == .literalPage ? .priorAlign : plan[Alignment.mode], weight: plan[Alignment.weight],
      gamma: plan[Alignment.gamma], minimumMass: plan[Alignment.minimumMass], background: plan[Alignment.background],
      layer: plan[Alignment.layer], head: plan[Alignment.head], includesLabelled: plan[Alignment.scope] == .all)
  }
}
