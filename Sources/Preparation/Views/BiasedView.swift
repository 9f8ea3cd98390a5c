// The view under a smooth orthogonal bias field.

import Tensors
import Volumes

extension View {
  /// The crop under a smooth orthogonal bias field of the paper's strength.
  public static let biased = View.biased(SOBF(preset: .paper))

  /// The crop under a smooth orthogonal bias field.
  public static func biased(_ field: SOBF) -> View {
    View("biased", stream: RandomStream.dropout, path: [2]) { source in
      let shape = source.image.shape, sides = shape.spatial
      let view = field.apply(
        to: source.image.values, extent: Extent(sides[0], sides[1], sides[2]), channels: shape.channels, seed: source.step.seed,
        volume: source.identifier, draw: source.draw, step: source.step.index, total: source.step.total)
      return Tensor(view.image, shape: shape)
    }
  }
}
