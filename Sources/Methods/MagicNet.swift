// MagicNet (Chen et al., arXiv:2212.14310; DeepMed-Lab-ECNU/MagicNet, code/train_main.py): crops exchange cubes, cubes by themselves are segmented and tell
// where they were, and pseudo-labels are a mean teacher's, blended with what the student says of cubes. Crops of a lane exchange cubes among each other, so
// `batch` is the original's whole batch. Axes: D H W voxels, C channels, N cubes, K classes.

import Learning
import Networks
import Preparation
import Settings
import Tensors

public final class MagicNet: Method {
  public static let name = "magicnet"
  public static let summary = "MagicNet: crops exchange cubes, cubes tell where they were, and blend into a mean teacher's labels"
  private static let cubes = Setting("cubes", default: 3, in: 2...5, "Cubes along each side of the patch (published: 3).")
  private static let cubeOrder = Setting(
    "cubeOrder", default: CubeOrder.inPlace,
    "How cubes that were decoded by themselves are put together: inPlace, or released as the published program does it, first and last axis exchanged."
  )
  private static let weight = ConsistencyOptions(publishedEpochs: 200)
  public static let options: [any SettingDescription] = [cubes, cubeOrder] + weight.all
  /// The last step whose pseudo-labels are the teacher's alone.
  private static let lastPlainStep = 100

  private let student: any EncoderDecoder
  private let location: LocationHead
  private let teacher: Teacher
  private let frequencies: ClassFrequencies
  private let reasoning: CubeReasoning
  private let weight: ConsistencyWeight
  /// Pseudo-labels of samples, made when they were counted; and what all lanes counted.
  private var labels: [SampleName: [UInt8]] = [:]
  private var found: [Double] = []
  public var trained: [TrainedModule] { [TrainedModule("student", student), TrainedModule("location", location.parameters)] }
  public var carried: [CarriedVector] { [teacher.carried] + frequencies.carried }
  public var predictor: any Network { student }
  public let recipe = BatchRecipe(labelled: [.clean], unlabelled: [.clean], labelledCount: 2, unlabelledCount: 2)
  public let countsBatches = true

  public init(_ plan: MethodPlan) throws(MethodError) {
    let student = try plan.makeEncoderDecoder(for: Self.self)
    self.student = student
    teacher = try Teacher(plan)
    let count = plan[Self.cubes], patch = plan.patch
    guard let grid = CubeGrid(patch, count: count) else {
      throw MethodError(
        "method.cubes: \(count) cubes do not divide the patch \(patch.described): give it sides that are multiples of \(count), or other cubes."
      )
    }
    if let problem = patchProblem(grid.side, divisor: student.divisor, network: plan.networkName) {
      throw MethodError(
        "method.cubes: \(count) cut the patch \(patch.described) into cubes of \(grid.side.described), of which \(problem)")
    }
    reasoning = CubeReasoning(grid: grid, order: plan[Self.cubeOrder])
    let voxels = (0..<3).reduce(1) { $0 * grid.side[$1] / student.divisor[$1] }
    location = LocationHead(
      inputs: voxels * student.featureChannels(.bottleneck), cubes: grid.cubes, seed: plan.network.seed)
    frequencies = ClassFrequencies(classes: plan.network.classes)
    weight = Self.weight.weight(plan)
  }

  /// How often each class was met in the pseudo-labels of a lane.
  public func counts(_ batch: Batch, at step: Step) throws(MethodError) -> [Double] {
    let said = pseudoLabels(batch, at: step)
    for (sample, labels) in zip(batch.unlabelled, said) { self.labels[SampleName(sample)] = labels }
    return histogram(said)
  }

  public func loss(_ batch: Batch, at step: Step, on tape: Tape) throws(MethodError) -> LossTerms {
    let counted = batch.unlabelled.compactMap { labels.removeValue(forKey: SampleName($0)) }
    let pseudo = counted.count == batch.unlabelled.count ? counted : pseudoLabels(batch, at: step)
    found = batch.sums?.values ?? histogram(pseudo)
    let samples = batch.labelled + batch.unlabelled, weight = weight.at(step), network = network(samples[0], at: step)
    let key = RandomKey(seed: step.seed, volume: samples[0].identifier, draw: samples[0].draw, stream: RandomStream.mixing)
    var known: [[UInt8]] = []
    for sample in batch.labelled { known.append(try sample.knownLabel()) }
    let (terms, logits) = reasoning.terms(
      network, images: samples.map { $0.image(.clean, at: step) }, labels: known, pseudoLabels: pseudo,
      partition: reasoning.partition(of: samples.count, key: key), weight: weight, on: tape)
    var result = LossTerms(terms, diagnostics: [("consistencyWeight", weight)])
    result.unlabelled = zip(batch.unlabelled, logits[known.count...]).map {
      Prediction(sample: $0, logits: $1, probabilities: tape.softmax($1))
    }
    return result
  }

  public func afterUpdate(at step: Step) {
    teacher.follow(student, at: step)
    frequencies.add(found, at: step.index)
  }

  private func network(_ sample: Sample, at step: Step) -> StudentOfCubes {
    StudentOfCubes(student: student, location: location, mode: .training(dropout: sample.dropout(.clean, at: step)))
  }

  private func pseudoLabels(_ batch: Batch, at step: Step) -> [[UInt8]] {
    let quiet = Tape(recording: false)
    return batch.unlabelled.map { sample in
      let said = teacher.prediction(sample, at: step).logits
      if step.index <= Self.lastPlainStep { return likeliestLabels(said) }
      let network = network(sample, at: step)
      let levels = reasoning.encoded(network, sample.image(.clean, at: step), on: quiet)
      return blendedLabels(
        teacher: said, cubes: reasoning.logitsOfCubes(network, levels, on: quiet), weights: frequencies.weights)
    }
  }

  private func histogram(_ labels: [[UInt8]]) -> [Double] {
    var counts = [Double](repeating: 0, count: frequencies.counts.count)
    for label in labels.joined() { counts[Int(label)] += 1 }
    return counts
  }
}

private struct SampleName: Hashable {
  let identifier: String
  let draw: UInt64

  init(_ sample: Sample) { (identifier, draw) = (sample.identifier, sample.draw) }
}

/// Two linear layers between which is batch normalisation over the cubes of a crop.
private struct LocationHead {
  private static let hidden = 4096
  let parameters: ParameterSet

  init(inputs: Int, cubes: Int, seed: UInt64) {
    parameters = ParameterSet(
      linear("0", inputs, Self.hidden) + [ParameterSpecification].normalization("1", channels: Self.hidden)
        + linear("3", Self.hidden, cubes), seed: seed)
  }

  /// Shapes: bottleneck [N, d, h, w, C]; result [N, 1, 1, 1, N].
  func logits(_ bottleneck: Tensor, on tape: Tape) -> Tensor {
    let cubes = bottleneck.shape.batch, flat = tape.reshaped(bottleneck, [cubes, 1, 1, 1, bottleneck.count / cubes])
    let hidden = tape.normalization(
      tape.linear(flat, weight: parameters["0.weight"], bias: parameters["0.bias"]), .ofBatch { _, _ in },
      affine: (parameters["1.weight"], parameters["1.bias"]), slope: 0.2)
    return tape.linear(hidden, weight: parameters["3.weight"], bias: parameters["3.bias"])
  }
}

/// The student as a network of cubes.
private struct StudentOfCubes: CubeNetwork {
  let student: any EncoderDecoder
  let location: LocationHead
  let mode: ForwardMode

  func embedded(_ images: Tensor, on tape: Tape) -> Tensor { decoded(encoded(images, on: tape), on: tape) }
  func classified(_ embedding: Tensor, on tape: Tape) -> Tensor { student.classified(embedding, on: tape) }
  func encoded(_ cubes: Tensor, on tape: Tape) -> [Tensor] { student.encoded(cubes, mode: mode, on: tape) }
  func located(_ levels: [Tensor], on tape: Tape) -> Tensor { location.logits(levels[levels.count - 1], on: tape) }
  func embeddedCubes(_ levels: [Tensor], on tape: Tape) -> Tensor { decoded(levels, on: tape) }

  private func decoded(_ levels: [Tensor], on tape: Tape) -> Tensor {
    student.decoded(levels, by: student.parameters, keeping: [.dec1], mode: mode, on: tape).features[0]
  }
}

extension [Int] {
  /// Sides of a box as people write them.
  fileprivate var described: String { map(String.init).joined(separator: "x") }
}
