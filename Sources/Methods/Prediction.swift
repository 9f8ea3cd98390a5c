// A student's prediction for one crop. Axes: D H W voxels, C channels, K classes.

import Kernels
import Learning
import Networks
import Preparation
import Tensors

/// A student's prediction, on the tape.
package struct Prediction {
  package let sample: Sample
  /// [1, D, H, W, K].
  package let logits: Tensor
  /// The softmax of the logits.
  package let probabilities: Tensor
  /// The features that were asked for.
  let features: [FeatureLayer: Tensor]

  package init(sample: Sample, logits: Tensor, probabilities: Tensor, features: [FeatureLayer: Tensor] = [:]) {
    (self.sample, self.logits, self.probabilities, self.features) = (sample, logits, probabilities, features)
  }
}

/// The likeliest class of each voxel of logits [1, D, H, W, K]; background in a rehearsal of memory.
package func likeliestLabels(_ logits: Tensor) -> [UInt8] {
  if Rehearsal.isOn { return [UInt8](repeating: 0, count: logits.shape.rows) }
  return argmaxLabels(logits.values, classes: logits.shape.channels)
}

extension [Prediction] {
  /// The labels of predictions of labelled samples.
  func labels() throws(MethodError) -> [[UInt8]] {
    var labels: [[UInt8]] = []
    for prediction in self { labels.append(try prediction.sample.knownLabel()) }
    return labels
  }
}

extension Network {
  /// One view of a sample in training mode.
  /// - Parameters:
  ///   - layers: features to hand out.
  ///   - again: keep nothing for the backward pass and compute the view a second time there: less memory, the same bits. The features are
  ///     values without a gradient then.
  package func predict(
    _ sample: Sample, _ view: View, keeping layers: [FeatureLayer] = [], again: Bool = false, at step: Step, on tape: Tape
  ) -> Prediction {
    let mode = ForwardMode.training(dropout: sample.dropout(view, at: step)), image = sample.image(view, at: step)
    let logits: Tensor, features: [Tensor]
    if again {
      var found: [Tensor] = []
      logits = tape.recomputing([image], always: true) { tape, images in
        let result = self.forward(images[0], keeping: layers, mode: mode, on: tape)
        if found.isEmpty { found = result.features.map(\.detached) }
        return result.logits
      }
      features = found
    } else {
      let result = forward(image, keeping: layers, mode: mode, on: tape)
      (logits, features) = (result.logits, result.features)
    }
    return Prediction(
      sample: sample, logits: logits, probabilities: tape.softmax(logits),
      features: Dictionary(uniqueKeysWithValues: zip(layers, features)))
  }

  /// One view of several samples in training mode: one by one where that is exact, together where batch normalisation must see them together.
  /// - Parameter layers: features to hand out.
  package func predict(
    _ samples: [Sample], _ view: View, keeping layers: [FeatureLayer] = [], at step: Step, on tape: Tape
  ) -> [Prediction] {
    guard statistics != nil, samples.count > 1 else {
      return samples.map { predict($0, view, keeping: layers, at: step, on: tape) }
    }
    let images = tape.stacked(samples.map { $0.image(view, at: step) })
    let all = forward(images, keeping: layers, mode: .training(dropout: samples[0].dropout(view, at: step)), on: tape)
    let logits = tape.unstacked(all.logits), features = all.features.map(tape.unstacked)
    return samples.indices.map { number in
      Prediction(
        sample: samples[number], logits: logits[number], probabilities: tape.softmax(logits[number]),
        features: Dictionary(uniqueKeysWithValues: zip(layers, features.map { $0[number] })))
    }
  }
}

extension Network {
  /// Logits of every head for the clean views of samples in training mode: the highest resolution first, of each head one tensor [1, d, h, w, K] for each
  /// sample. One by one where that is exact, together where batch normalisation must see them together.
  func headLogits(_ samples: [Sample], at step: Step, on tape: Tape) -> [[Tensor]] {
    func heads(_ image: Tensor, of sample: Sample) -> [Tensor] {
      allLogits(image, mode: .training(dropout: sample.dropout(.clean, at: step)), on: tape)
    }
    let images = samples.map { $0.image(.clean, at: step) }
    if statistics != nil { return heads(tape.stacked(images), of: samples[0]).map(tape.unstacked) }
    let ofSamples = zip(images, samples).map(heads)
    return ofSamples[0].indices.map { head in ofSamples.map { $0[head] } }
  }
}

extension Sample {
  /// The label of a labelled sample.
  func knownLabel() throws(MethodError) -> [UInt8] {
    guard let label else { throw MethodError("case \(identifier) came without its label: prepare the data again.") }
    return label
  }
}
