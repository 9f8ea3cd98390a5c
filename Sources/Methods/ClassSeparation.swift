// What draws the features of a class together (ycwu1997/SS-Net, code/utils/contrastive_losses.py and feature_memory.py): voxels of a class must resemble
// features of it that were remembered. The original's second selector, that of the memory, divides each weight by itself and is left out.
// Axes: B batch, D H W voxels, N rows, C channels, K classes, R places of a class in the memory.

import Kernels
import Learning
import Tensors

/// The layers between a student's finest features and what is compared.
package struct ClassSeparation {
  static let width = 32
  private static let projection = "projection_head", prediction = "prediction_head"
  private let classes: Int
  package let parameters: ParameterSet
  /// Those of the projection, by which features are remembered.
  package let statistics: RunningStatistics

  /// - Parameters:
  ///   - inputs: C of the features.
  ///   - classes: K. Background is never remembered, so nothing selects among its voxels.
  package init(inputs: Int, classes: Int, seed: UInt64) {
    func layers(_ name: String, _ inputs: Int, _ outputs: Int) -> [ParameterSpecification] {
      linear("\(name).0", inputs, Self.width) + [ParameterSpecification].normalization("\(name).1", channels: Self.width)
        + linear("\(name).3", Self.width, outputs)
    }
    self.classes = classes
    parameters = ParameterSet(
      layers(Self.projection, inputs, Self.width) + layers(Self.prediction, Self.width, Self.width)
        + (1..<classes).flatMap { layers(Self.selector($0), Self.width, 1) }, seed: seed)
    statistics = RunningStatistics([("\(Self.projection).1", Self.width)])
  }

  private static func selector(_ label: Int) -> String { "contrastive_class_selector_\(label)" }

  /// What the labelled voxels of a lane add to the memory, those whose class is predicted: see `ClassMemory.take`.
  /// - Shape: embedding [B, D, H, W, C], with B·D·H·W labels, true and predicted.
  package func found(in embedding: Tensor, labels: [UInt8], predicted: [UInt8]) -> [Double] {
    let quiet = Tape(recording: false)
    return (1..<classes).flatMap { label in
      let rows = labels.indices.filter { labels[$0] == label && predicted[$0] == label }
      guard !rows.isEmpty else { return ClassMemory.entry([]) }
      let moments = NormalizationMoments.fixed(statistics["\(Self.projection).1"])
      let features = through(Self.projection, quiet.gathered(flat(embedding, on: quiet), rows), moments: moments, on: quiet)
      return ClassMemory.entry(
        lowestScored(features, label: label, on: quiet).map { row in
          (0..<Self.width).map { Double(features.pointer[row * Self.width + $0]) }
        })
    }
  }

  /// The rows that are remembered, where there are more than the memory takes: those that the selector scores lowest.
  private func lowestScored(_ features: Tensor, label: Int, on quiet: Tape) -> [Int] {
    let rows = features.shape.batch
    guard rows > ClassMemory.places else { return Array(0..<rows) }
    let scores = through(Self.selector(label), features, slope: 0.2, on: quiet).values
    return Array((0..<rows).sorted { (scores[$0], $0) < (scores[$1], $1) }.prefix(ClassMemory.places))
  }

  /// How far the voxels of each class are from what is remembered of it: one loss for each class but background, whose weight is 1/K.
  /// - Shape: embedding [B, D, H, W, C], with B·D·H·W labels, true or predicted.
  package func distances(_ embedding: Tensor, labels: [UInt8], memory: ClassMemory, on tape: Tape) -> [Scalar] {
    let observe: (ChannelMoments, Int) -> Void = { [statistics] in statistics.observe("\(Self.projection).1", $0, rows: $1) }
    let projected = through(Self.projection, flat(embedding, on: tape), moments: .ofBatch(observe: observe), on: tape)
    let features = through(Self.prediction, projected, on: tape)
    return (1..<classes).map { label in
      // A rehearsal of memory knows no labels: all voxels have the first class.
      let rows = labels.indices.filter { Rehearsal.isOn ? label == 1 : labels[$0] == label }
      guard rows.count > 1, let direction = memory.direction(label) else { return Scalar(constant: 0) }
      let own = tape.gathered(features, rows)
      return tape.separation(own, scores: through(Self.selector(label), own.detached, slope: 0.2, on: tape), from: direction)
    }
  }

  /// Shapes: x [B, D, H, W, C]; result [N, 1, 1, 1, C].
  private func flat(_ x: Tensor, on tape: Tape) -> Tensor { tape.reshaped(x, [x.shape.rows, 1, 1, 1, x.shape.channels]) }

  /// Two linear layers, between them a normalisation and an activation.
  private func through(
    _ name: String, _ x: Tensor, slope: Float = 0, moments: NormalizationMoments = .ofBatch { _, _ in }, on tape: Tape
  ) -> Tensor {
    let hidden = tape.normalization(
      tape.linear(x, weight: parameters["\(name).0.weight"], bias: parameters["\(name).0.bias"]), moments,
      affine: (parameters["\(name).1.weight"], parameters["\(name).1.bias"]), slope: slope)
    return tape.linear(hidden, weight: parameters["\(name).3.weight"], bias: parameters["\(name).3.bias"])
  }
}

/// Features of voxels of each class but background, from the last step in which a lane found some; one memory for all lanes.
package final class ClassMemory {
  /// R.
  static let places = 32
  private static let width = ClassSeparation.width
  /// [K - 1, R, C], saved with the run; places that are empty are zeros.
  package let features: Tensor

  package init(classes: Int) { features = Tensor(zeros: [classes - 1, Self.places, Self.width]) }

  var carried: CarriedVector { CarriedVector("classMemory", features) }

  /// What a lane adds for one class: R rows of C numbers, each followed by 1, or by 0 where there is none.
  static func entry(_ rows: [[Double]]) -> [Double] {
    (0..<places).flatMap { $0 < rows.count ? rows[$0] + [1] : [Double](repeating: 0, count: width + 1) }
  }

  /// Replaces what is remembered of every class of which something was found: by the mean, place by place, over the lanes that found something. To take the
  /// same again changes nothing.
  /// - Parameter sums: of the entries of all classes over all lanes.
  package func take(_ sums: [Double]) {
    if Rehearsal.isOn { return }
    let width = Self.width, place = width + 1
    for label in 0..<features.shape[0] where sums[label * Self.places * place + width] > 0 {
      for row in label * Self.places..<(label + 1) * Self.places {
        let lanes = max(1, sums[row * place + width])
        for c in 0..<width { features.pointer[row * width + c] = Float(sums[row * place + c] / lanes) }
      }
    }
  }

  /// The mean of the remembered features of a class, each taken at length 1; nil where there are fewer than two.
  func direction(_ label: Int) -> [Double]? {
    if Rehearsal.isOn { return [Double](repeating: 0, count: Self.width) }
    let start = (label - 1) * Self.places * Self.width
    let rows = (0..<Self.places).map { row in (0..<Self.width).map { Double(features.pointer[start + row * Self.width + $0]) } }
    let known = rows.filter { $0.contains { $0 != 0 } }
    guard known.count > 1 else { return nil }
    return known.reduce(into: [Double](repeating: 0, count: Self.width)) { sum, row in
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot() * Double(known.count)
      for c in row.indices { sum[c] += row[c] / length }
    }
  }
}
