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
}

extension Network {
  /// One view of a sample in training mode.
  func predict(_ sample: Sample, _ view: ViewRequest, at step: Step, on tape: Tape) -> Prediction {
    let mode = ForwardMode.training(dropout: sample.dropout(view: view, seed: step.seed))
    let logits = logits(sample.image(view), mode: mode, on: tape)
    return Prediction(sample: sample, logits: logits, probabilities: tape.softmax(logits))
  }
}

extension Sample {
  /// The view [1, D, H, W, C], which the recipe must have asked for.
  func image(_ request: ViewRequest) -> Tensor {
    guard let image = view(request) else { fatalError("the recipe does not ask for the view that the loss reads") }
    return image
  }
}
