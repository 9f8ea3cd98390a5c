// What a student says of one crop. Axes: D H W voxels, C channels, K classes.

import Networks
import Tensors

/// A student's prediction, on the tape.
struct Prediction {
  let sample: Sample
  /// [1, D, H, W, K].
  let logits: Tensor
  /// The softmax of the logits.
  let probabilities: Tensor
  /// Those that were asked for.
  let features: [FeatureLayer: Tensor]
}

extension Network {
  /// One view of a sample in training mode.
  /// - Parameters:
  ///   - layers: features to hand out.
  ///   - again: keep nothing for the backward walk and compute the view a second time there: less memory, the same bits. The features are
  ///     values without a gradient then.
  func predict(
    _ sample: Sample, _ view: ViewRequest, keeping layers: [FeatureLayer] = [], again: Bool = false, at step: Step, on tape: Tape
  ) -> Prediction {
    let mode = ForwardMode.training(dropout: sample.dropout(view: view, seed: step.seed)), image = sample.image(view)
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
}

extension Sample {
  /// The view [1, D, H, W, C], which the recipe must have asked for.
  func image(_ request: ViewRequest) -> Tensor {
    guard let image = request == .clean ? clean : biased else {
      fatalError("the recipe does not ask for the view that the loss reads")
    }
    return image
  }

  /// The label of a labelled sample.
  func knownLabel() throws(MethodError) -> [UInt8] {
    guard let label else { throw MethodError("case \(identifier) came without its label: prepare the data again.") }
    return label
  }
}
