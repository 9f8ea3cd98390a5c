// What one lane feeds a method in one step.

import Preparation
import Tensors

/// One crop with the views that the method asked for.
public struct Sample {
  public let identifier: String
  /// The global number of this sample in the run: keys all its random numbers.
  public let draw: UInt64
  /// [1, D, H, W, C]; nil unless the recipe asks for it.
  public let clean: Tensor?
  public let biased: Tensor?
  /// D·H·W labels; nil for unlabelled samples.
  public let label: [UInt8]?
  /// Where the crop lies in its volume; nil where nobody knows (tests, rehearsals).
  public let place: CropPlace?

  public init(identifier: String, draw: UInt64, clean: Tensor?, biased: Tensor?, label: [UInt8]?, place: CropPlace? = nil) {
    self.identifier = identifier
    self.draw = draw
    self.place = place
    self.clean = clean
    self.biased = biased
    self.label = label
  }

  /// The dropout pattern of one view of this sample.
  public func dropout(view: ViewRequest, seed: UInt64) -> RandomKey {
    RandomKey(seed: seed, volume: identifier, draw: draw, stream: RandomStream.dropout).child(UInt64(view.rawValue))
  }
}

/// One lane's micro-batch.
public struct Batch {
  public let labelled: [Sample]
  public let unlabelled: [Sample]

  public init(labelled: [Sample], unlabelled: [Sample]) { (self.labelled, self.unlabelled) = (labelled, unlabelled) }
}

/// What a method wants in a batch; an empty request means that no such sample is drawn.
public struct BatchRecipe: Sendable {
  public let labelled: ViewRequest
  public let unlabelled: ViewRequest
  /// How the biased view is made.
  public let field: SOBF?

  public init(labelled: ViewRequest, unlabelled: ViewRequest, field: SOBF?) {
    (self.labelled, self.unlabelled, self.field) = (labelled, unlabelled, field)
  }
}
