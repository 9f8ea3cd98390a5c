// The fourth term of ReLiF-3D (LAR on its page, LARC in its code, kunaljangid01/ReLiF_3D, code/ReLiF_3D_train_brats.py): the
// student's features of the bias-field view agree with those of the clean view, or with the prior's own, where the prior sees a
// structure.

import Kernels
import Learning
import Networks
import Preparation
import Tensors

/// The comparison of features and what lies between them and the cosine.
struct FeatureAlignment {
  private let options: ReLiFOptions.LARC
  private let prior: (any Prior)?
  /// Linear(C → 256), ReLU, Linear(256 → 128); nil for the identity.
  private let projection: ParameterSet?
  /// Linear(C → E): from the student's bottleneck to the prior's tokens.
  private let adapter: ParameterSet?

  /// Whether features of both views are read.
  var comparesViews: Bool { prior != nil && options.comparesViews }
  private var alignsWithPrior: Bool { prior != nil && options.alignsWithPrior }

  init(_ options: ReLiFOptions.LARC, prior: (any Prior)?, student: any Network, seed: UInt64) throws(MethodError) {
    self.options = options
    self.prior = prior
    let compares = prior != nil && options.comparesViews, aligns = prior != nil && options.alignsWithPrior
    if compares, let problem = student.featureProblem(options.layer) { throw MethodError("method.larc.layer: \(problem)") }
    if aligns, prior?.tokenChannels == 0 {
      throw MethodError(
        "method.larc.mode: \(options.mode.rawValue) needs features of the prior and \(prior!.title) has none: take views or none."
      )
    }
    projection =
      compares && options.head != .identity
      ? ParameterSet(
        linear("0", student.featureChannels(options.layer), 256) + linear("2", 256, 128), seed: seed) : nil
    adapter =
      aligns
      ? ParameterSet(linear("adapter", student.featureChannels(.bottleneck), prior!.tokenChannels), seed: seed) : nil
  }

  /// A frozen random projection cannot satisfy the loss by becoming constant; one that is trained can, and the adapter has fixed targets.
  var trained: [TrainedModule] {
    (options.head == .trainable ? projection.map { [TrainedModule("projection", $0)] } ?? [] : [])
      + (adapter.map { [TrainedModule("adapter", $0)] } ?? [])
  }

  /// The layers of the student whose features are read from a view.
  func layers(of view: View) -> [FeatureLayer] {
    var layers = comparesViews ? [options.layer] : []
    if view == .biased, alignsWithPrior, !layers.contains(.bottleneck) { layers.append(.bottleneck) }
    return layers
  }

  /// - Parameters:
  ///   - seen: where structures are; nil where the prior has no answer.
  ///   - share: 1 / samples that are compared.
  func terms(
    _ sample: Sample, _ biased: Prediction, clean: Prediction?, weighedBy seen: PriorProbabilities?, share: Double,
    weight: Double, on tape: Tape
  ) throws(MethodError) -> [LossTerm] {
    var terms: [LossTerm] = []
    if comparesViews {
      let loss = weight > 0 ? seen.flatMap { seen in clean.map { compare(biased, $0, seen, tape) } } : nil
      terms.append(LossTerm("larc", loss ?? Scalar(constant: 0), weight: share * weight, readsPrior: true))
    }
    if alignsWithPrior {
      var loss: Scalar?
      if weight > 0, let seen { loss = try align(sample, biased, seen, tape) }
      terms.append(LossTerm("priorAlign", loss ?? Scalar(constant: 0), weight: share * weight, readsPrior: true))
    }
    return terms
  }

  /// 1 - cos(h(e of the bias-field view), h(e of the clean view)), mean over the classes whose weights sum to enough. The gradient
  /// flows through the bias-field view alone.
  private func compare(_ biased: Prediction, _ clean: Prediction, _ seen: PriorProbabilities, _ tape: Tape) -> Scalar {
    let features = biased.features[options.layer]!, grid = features.shape.spatial
    let weights = seen.weights(exponent: options.gamma, grid: grid)
    let voxels = Double(seen.values.shape.rows / features.shape.rows)
    let isValid = zip(rowSums(weights), seen.isPresent).map { $1 && $0 * voxels > options.minimumMass ? 1.0 : 0 }
    guard isValid.contains(1) else { return Scalar(constant: 0) }
    let still = Tape(recording: false)
    let target = projected(still.pooled(clean.features[options.layer]!.detached, weights: weights), still)
    return tape.alignment(
      projected(tape.pooled(features, weights: weights), tape), to: target, weights: isValid)
  }

  private func projected(_ tokens: Tensor, _ tape: Tape) -> Tensor {
    guard let projection else { return tokens }
    let hidden = tape.relu(tape.linear(tokens, weight: projection["0.weight"], bias: projection["0.bias"]))
    return tape.linear(hidden, weight: projection["2.weight"], bias: projection["2.bias"])
  }

  /// Σ w (1 - cos(h(f), s)) / Σ w over the voxels of the bottleneck, w the prior's weight over all foreground classes and a floor.
  private func align(
    _ sample: Sample, _ biased: Prediction, _ seen: PriorProbabilities, _ tape: Tape
  ) throws(MethodError) -> Scalar? {
    let features = biased.features[.bottleneck]!, grid = features.shape.spatial, adapter = adapter!
    guard let target = try prior?.tokens(for: sample, grid: grid) else { return nil }
    let weights = seen.weights(exponent: options.gamma, grid: grid).values, count = features.shape.rows
    let perToken = (0..<count).map { token in
      seen.isPresent.indices.reduce(options.background) { $0 + Double(weights[$1 * count + token]) }
    }
    let tokens = tape.reshaped(features, [1, count, features.shape.channels])
    return tape.alignment(
      tape.linear(tokens, weight: adapter["adapter.weight"], bias: adapter["adapter.bias"]), to: target, weights: perToken)
  }
}

/// A linear layer with PyTorch's first values.
func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [ParameterSpecification] {
  let bound = 1 / Double(inputs).squareRoot()
  return [
    ParameterSpecification("\(name).weight", [outputs, inputs], .uniform(bound: bound)),
    ParameterSpecification("\(name).bias", [outputs], .uniform(bound: bound)),
  ]
}
