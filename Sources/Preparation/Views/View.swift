// Views: how a crop is shown to a network. A view is a name and a function of the clean crop and of (seed, volume, draw, step); a new one is a file
// beside this one that adds a static member.

import Tensors

/// What a view is made from.
public struct ViewSource {
  /// The clean crop [1, D, H, W, C].
  public let image: Tensor
  public let identifier: String
  /// The global number of the sample in the run.
  public let draw: UInt64
  public let step: Step

  public init(image: Tensor, identifier: String, draw: UInt64, step: Step) {
    (self.image, self.identifier, self.draw, self.step) = (image, identifier, draw, step)
  }

  /// The key of the sample's random numbers of one purpose.
  public func key(_ stream: UInt64) -> RandomKey {
    RandomKey(seed: step.seed, volume: identifier, draw: draw, stream: stream)
  }
}

/// A way to show a crop. Views of one name are one view, however they are made.
public struct View: Sendable, Hashable {
  public let name: String
  private let dropoutStream: UInt64
  private let dropoutPath: [UInt64]
  private let make: @Sendable (ViewSource) -> Tensor

  /// - Parameters:
  ///   - stream: keys the dropout pattern of networks that see the view, through the child keys of `path`; other views have other ones.
  ///   - make: the image [1, D, H, W, C].
  public init(
    _ name: String, stream: UInt64, path: [UInt64] = [], make: @escaping @Sendable (ViewSource) -> Tensor
  ) {
    (self.name, dropoutStream, dropoutPath, self.make) = (name, stream, path, make)
  }

  /// A view whose dropout pattern follows from its name.
  public init(_ name: String, make: @escaping @Sendable (ViewSource) -> Tensor) {
    self.init(name, stream: RandomStream.dropout, path: [fnv1a64(name)], make: make)
  }

  public func image(of source: ViewSource) -> Tensor { make(source) }

  func dropout(identifier: String, draw: UInt64, at step: Step) -> RandomKey {
    let key = RandomKey(seed: step.seed, volume: identifier, draw: draw, stream: dropoutStream)
    return dropoutPath.reduce(key) { $0.child($1) }
  }

  public static func == (one: View, other: View) -> Bool { one.name == other.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// The crop as it is.
  public static let clean = View("clean", stream: RandomStream.dropout, path: [1]) { $0.image }
}
