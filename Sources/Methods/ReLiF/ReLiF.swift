// ReLiF-3D (MICCAI 2026, visdomlab.github.io/ReLiF_3D; kunaljangid01/ReLiF_3D, code/ReLiF_3D_train_brats.py): a supervised
// cross-fade on the bias-field view of labelled volumes, distillation from a frozen prior, confidence-gated co-regularisation
// between the clean and the bias-field view of unlabelled volumes, and features that agree where the prior sees a structure.
// Without a prior (`prior.kind: none`) the second and the fourth term are absent.
//
// The terms of a step have the same names on every lane, whatever the prior answers there: no answer counts as 0.

import Kernels
import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class ReLiF: Method {
  public static let name = "relif"
  public static let summary = "ReLiF-3D: bias-field paired views, a confidence gate, and guidance by a frozen prior"
  public static func usesPrior(_ options: SettingValues) -> Bool { options[ReLiFKeys.fidelity] != .released }
  public static func needsEveryLabel(_ options: SettingValues) -> Bool { options[ReLiFKeys.Alignment.scope] == .all }
  public static let options = ReLiFKeys.all

  public let predictor: any Network
  public let recipe: BatchRecipe
  public var trained: [TrainedModule] { [TrainedModule("student", predictor)] + alignment.trained }
  let options: ReLiFOptions
  /// The prior; nil where nothing may depend on it.
  private let prior: (any Prior)?
  private let alignment: FeatureAlignment

  public init(_ plan: MethodPlan) throws(MethodError) {
    predictor = try plan.makeNetwork()
    options = ReLiFOptions(plan)
    prior = options.fidelity == .released ? nil : plan.prior
    alignment = try FeatureAlignment(options.larc, prior: prior, student: predictor, seed: plan.network.seed)
    recipe = BatchRecipe(labelled: [.biased(options.field)], unlabelled: [.clean, .biased(options.field)])
  }

  /// The confidence that both views must reach at a step.
  public func gateThreshold(at step: Step) -> Double { options.consistency.threshold(at: step) }
  /// λ of the consistency of both views at a step.
  public func consistencyWeight(at step: Step) -> Double { options.consistency.weight(at: step) }
  /// λ_l: of the alignment of features.
  public func alignmentWeight(at step: Step) -> Double { options.larc.weight(at: step) }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let shares = Shares(batch, options)
    var terms: [LossTerm] = [], statistics = GuidanceStatistics(samples: batch.labelled.count + batch.unlabelled.count)
    for sample in batch.labelled {
      let label = try sample.knownLabel(), biased = predict(sample, .biased, step, tape)
      let clean = alignment.comparesViews && options.larc.includesLabelled ? predict(sample, .clean, step, tape) : nil
      let guidance = try guidance(of: sample, biased, at: step, &statistics)
      terms += options.blend.terms([biased], labels: [label], share: shares.labelled, at: step, on: tape)
      if options.kl.includesLabelled { terms += distillation(biased, guidance, share: shares.distillation, at: step, tape) }
      if options.larc.includesLabelled {
        let known = PriorProbabilities(labels: label, shape: biased.probabilities.shape)
        terms += try alignment.terms(
          sample, biased, clean: clean, weighedBy: known, share: shares.alignment, weight: alignmentWeight(at: step), on: tape)
      }
    }
    for sample in batch.unlabelled {
      let clean = predict(sample, .clean, step, tape), biased = predict(sample, .biased, step, tape)
      let guidance = try guidance(of: sample, biased, at: step, &statistics)
      terms.append(consistency(clean, biased, guidance, share: shares.unlabelled, at: step, &statistics, tape))
      terms += distillation(biased, guidance, share: shares.distillation, at: step, tape)
      terms += try alignment.terms(
        sample, biased, clean: clean, weighedBy: guidance?.probabilities, share: shares.alignment,
        weight: alignmentWeight(at: step), on: tape)
    }
    return LossTerms(terms, diagnostics: statistics.diagnostics(hasPrior: prior != nil))
  }

  private func predict(_ sample: Sample, _ view: View, _ step: Step, _ tape: Tape) -> Prediction {
    // Of the clean view's features only values are read.
    predictor.predict(
      sample, view, keeping: alignment.layers(of: view), again: view == .clean && options.isLean, at: step, on: tape)
  }

  /// The prior's answer for a sample, prompted by its label or by the student's bias-field view.
  private func guidance(
    of sample: Sample, _ biased: Prediction, at step: Step, _ statistics: inout GuidanceStatistics
  ) throws(MethodError) -> Guidance? {
    guard let answer = try prior?.answer(for: sample, student: biased.probabilities.detached, at: step) else { return nil }
    let guidance = Guidance(answer)
    statistics.add(guidance, label: sample.label)
    return guidance
  }

  private func consistency(
    _ clean: Prediction, _ biased: Prediction, _ guidance: Guidance?, share: Double, at step: Step,
    _ statistics: inout GuidanceStatistics, _ tape: Tape
  ) -> LossTerm {
    let settings = options.consistency, p = settings.stopsGradientOfClean ? clean.probabilities.detached : clean.probabilities
    let (loss, gate) = tape.gatedConsistency(
      p, biased.probabilities, gate: settings.gate(at: step), prior: guidance?.probabilities, term: settings.term,
      normalization: settings.normalization)
    statistics.add(gate, share: share, voxels: p.shape.rows)
    return LossTerm("cgcr", loss, weight: share * settings.weight(at: step))
  }

  private func distillation(
    _ biased: Prediction, _ guidance: Guidance?, share: Double, at step: Step, _ tape: Tape
  ) -> [LossTerm] {
    let settings = options.kl, weight = share * settings.weight(at: step)
    if options.fidelity == .released {
      return [LossTerm("kl", tape.confidencePenalty(biased.logits, temperature: settings.temperature), weight: weight)]
    }
    guard let prior else { return [] }
    let loss = guidance.map {
      tape.distillation(
        biased.logits, prior: $0.target(temperature: settings.temperature, isHard: settings.isHard),
        temperature: settings.temperature,
        weights: settings.gate > 0 ? $0.voxels(surerBy: settings.gate) : nil, reduction: settings.reduction)
    }
    return [LossTerm("kl", loss ?? Scalar(constant: 0), weight: weight * prior.reliability, readsPrior: true)]
  }
}

/// What each sample of a batch counts in the means over samples.
private struct Shares {
  let labelled, unlabelled, distillation, alignment: Double

  init(_ batch: Batch, _ options: ReLiFOptions) {
    func share(_ withLabels: Bool) -> Double {
      1 / Double(max(1, batch.unlabelled.count + (withLabels ? batch.labelled.count : 0)))
    }
    labelled = 1 / Double(max(1, batch.labelled.count))
    unlabelled = share(false)
    distillation = share(options.kl.includesLabelled)
    alignment = share(options.larc.includesLabelled)
  }
}
