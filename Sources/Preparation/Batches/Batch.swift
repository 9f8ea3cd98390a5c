// What one lane feeds a method in one step.

import Tensors

/// One crop with the views that the method asked for.
public struct Sample {
  public let identifier: String
  /// The global number of this sample in the run: keys all its random numbers.
  public let draw: UInt64
  /// Images [1, D, H, W, C] that were made ahead.
  private let views: [View: Tensor]
  /// D·H·W labels; nil for unlabelled samples.
  public let label: [UInt8]?
  /// The place of the crop in its volume; nil where it is not known (tests, rehearsals).
  public let place: CropPlace?
  /// The phase of the volume; nil where the data tell none.
  public let group: String?

  public init(
    identifier: String, draw: UInt64, views: [View: Tensor] = [:], label: [UInt8]?, place: CropPlace? = nil, group: String? = nil
  ) {
    (self.identifier, self.draw, self.views) = (identifier, draw, views)
    (self.label, self.place, self.group) = (label, place, group)
  }

  /// The crop as it is, [1, D, H, W, C]; nil for samples that stand for a whole volume without its voxels.
  public var clean: Tensor? { views[.clean] }

  /// A view [1, D, H, W, C]: made now from the clean one where it was not made ahead.
  public func image(_ view: View, at step: Step) -> Tensor {
    if let image = views[view] { return image }
    guard let clean else { fatalError("sample of \(identifier): no clean view to make the view \(view.name) from") }
    return view.image(of: ViewSource(image: clean, identifier: identifier, draw: draw, step: step))
  }

  /// The key of the dropout pattern of a view.
  public func dropout(_ view: View, at step: Step) -> RandomKey { view.dropout(identifier: identifier, draw: draw, at: step) }
}

/// One lane's micro-batch.
public struct Batch {
  public let labelled: [Sample]
  public let unlabelled: [Sample]
  /// What the method counted in the batches of all lanes; nil where it counts nothing, and where this batch is the whole.
  public var sums: LaneSums?
  /// Who computes the other of a method's two networks on this batch; nil: both are computed here.
  public var partner: Partner?

  public init(labelled: [Sample], unlabelled: [Sample]) { (self.labelled, self.unlabelled) = (labelled, unlabelled) }
}

/// What a method wants in a batch.
public struct BatchRecipe: Sendable {
  /// Views to make ahead; none at all means that no such sample is drawn.
  public let labelled: [View]
  public let unlabelled: [View]
  /// The samples that a lane draws of each kind, unless the run file sets others.
  public let labelledCount: Int
  public let unlabelledCount: Int

  public init(labelled: [View], unlabelled: [View], labelledCount: Int = 1, unlabelledCount: Int = 1) {
    (self.labelled, self.unlabelled) = (labelled, unlabelled)
    self.labelledCount = labelled.isEmpty ? 0 : labelledCount
    self.unlabelledCount = unlabelled.isEmpty ? 0 : unlabelledCount
  }

  /// The recipe with an unlabelled sample as it is, if it has none.
  public var withUnlabelled: BatchRecipe {
    unlabelled.isEmpty ? BatchRecipe(labelled: labelled, unlabelled: [.clean], labelledCount: labelledCount) : self
  }

  /// The recipe with other numbers of samples; 0 leaves the recipe's own.
  public func with(labelled: Int, unlabelled: Int) -> BatchRecipe {
    BatchRecipe(
      labelled: self.labelled, unlabelled: self.unlabelled, labelledCount: labelled > 0 ? labelled : labelledCount,
      unlabelledCount: unlabelled > 0 ? unlabelled : unlabelledCount)
  }
}
