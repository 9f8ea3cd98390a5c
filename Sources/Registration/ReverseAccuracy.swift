// How good a segmentation is where nobody knows the truth: carried to labelled volumes it is held against their labels, and their labels, carried to it,
// are held against it (V. Valindria and others, "Reverse classification accuracy: predicting segmentation performance in the absence of ground
// truth", IEEE Transactions on Medical Imaging 2017, of whose classifiers registration with single atlases is one).

import Volumes

/// How far a segmentation agrees with labelled volumes, or why that is not known.
public struct ReverseAgreement: Codable, Sendable, Equatable {
  /// Dice of each structure, mean over the labelled volumes that have it, 0...1; nil where none has.
  public var dice: [Double?]
  /// Why nothing is known, a phrase; nil where something is.
  public var reason: String?

  static func unknown(_ structures: Int, _ reason: String) -> ReverseAgreement {
    ReverseAgreement(dice: [Double?](repeating: nil, count: structures), reason: reason)
  }
}

public struct ReverseAccuracy: Sendable {
  public let registration: Registration
  /// K.
  public let classes: Int
  /// The labels that make up each structure that is compared.
  public let structures: [[Int]]
  public let atlases: [Atlas]

  public init(registration: Registration, classes: Int, structures: [[Int]], atlases: [Atlas]) {
    (self.registration, self.classes, self.structures, self.atlases) = (registration, classes, structures, atlases)
  }

  /// How far labels of an image, [D, H, W] at its voxels as it was given, agree with all labelled volumes.
  public func agreement(of labels: [UInt8], on image: PreparedImage) -> ReverseAgreement {
    agreement(of: labels, on: image, along: ways(to: image))
  }

  /// Registers an image with all labelled volumes, both ways: what can be done once for many predictions of it.
  public func ways(to image: PreparedImage) -> [ReverseWay] { atlases.map { way(to: image, from: $0) } }

  /// As `agreement(of:on:)`, by registrations that are there.
  public func agreement(of labels: [UInt8], on image: PreparedImage, along ways: [ReverseWay]) -> ReverseAgreement {
    let found = ways.map { agreement(of: labels, on: image, along: $0) }, known = found.filter { $0.reason == nil }
    guard !known.isEmpty else { return found.first ?? .unknown(structures.count, "there is no labelled volume") }
    return ReverseAgreement(
      dice: structures.indices.map { structure in
        let values = known.compactMap { $0.dice[structure] }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
      })
  }

  /// How far the true labels of one labelled volume agree with another's: what registration leaves of a perfect segmentation.
  public func ceiling(_ first: Int, _ second: Int) -> ReverseAgreement {
    agreement(
      of: atlases[first].labels, on: atlases[first].image,
      along: way(to: atlases[first].image, from: atlases[second]))
  }

  /// Both directions, each by a registration of its own, err by themselves: their mean is steadier than either.
  private func agreement(of labels: [UInt8], on image: PreparedImage, along way: ReverseWay) -> ReverseAgreement {
    guard let atlas = way.atlas, let back = way.back else { return .unknown(structures.count, way.problem ?? "") }
    let returned = back.carried(Atlas(image: image, labels: labels), classes: classes, to: atlas.image).labels
    let backwards = LabelCounts(returned, atlas.labels, classes: classes),
      forwards = LabelCounts(labels, way.brought, classes: classes)
    return ReverseAgreement(
      dice: structures.map { structure in
        // Of a structure that the labelled volume has nothing of it cannot tell.
        backwards.dice(of: structure).map { ($0 + (forwards.dice(of: structure) ?? 0)) / 2 }
      })
  }

  private func way(to image: PreparedImage, from atlas: Atlas) -> ReverseWay {
    if let problem = image.problem { return ReverseWay(problem: problem) }
    if atlas.image.problem != nil { return ReverseWay(problem: "the labelled volumes cannot be registered") }
    if atlas.image.channels != image.channels { return ReverseWay(problem: "it has other channels than the labelled volumes") }
    let here = registration.register(fixed: image, moving: atlas.image),
      there = registration.register(fixed: atlas.image, moving: image)
    if let problem = here.problem ?? there.problem { return ReverseWay(problem: problem) }
    return ReverseWay(atlas: atlas, brought: here.carried(atlas, classes: classes, to: image).labels, back: there)
  }
}

/// An image and a labelled volume, registered with each other.
public struct ReverseWay: Sendable {
  /// Why they are not, a phrase; nil where they are.
  fileprivate var problem: String?
  fileprivate var atlas: Atlas?
  /// The labels of the labelled volume at the image's voxels.
  fileprivate var brought: [UInt8] = []
  /// From the image to the labelled volume.
  fileprivate var back: SpatialMap?
}
