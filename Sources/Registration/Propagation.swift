// Labels of a few volumes carried to an unlabelled one, and how far they may be trusted: they are carried back by a registration of their own, and
// compared with those they were made from. Where that fails, the volume gets no labels.

import Kernels
import Volumes

/// A labelled volume.
public struct Atlas: Sendable {
  public var image: PreparedImage
  /// Classes at the voxels of the image as it was given, [D, H, W].
  public var labels: [UInt8]

  public init(image: PreparedImage, labels: [UInt8]) { (self.image, self.labels) = (image, labels) }
}

/// The labels of a volume, or why it gets none.
public struct PropagatedLabels: Sendable, Equatable {
  /// Where the volume is silent, class 0 with certainty 0.
  public var labels: FusedLabels
  /// The squared local correlation with the most similar labelled volume, 0...1.
  public var similarity = 0.0
  /// Mean Dice of that volume's labels carried there and back, over the classes that it has, 0...1.
  public var thereAndBack = 0.0
  /// The squared local correlation with that volume where the labels end, the mean of the classes, 0...1.
  public var atBorders = 0.0
  /// Why there are no labels, a phrase; nil where there are some.
  public var silence: String?

  fileprivate init(_ labels: FusedLabels) { self.labels = labels }

  fileprivate static func silent(_ voxels: Int, _ reason: String) -> PropagatedLabels {
    var result = PropagatedLabels(FusedLabels(voxels: voxels))
    result.silence = reason
    return result
  }
}

public struct Propagation: Sendable {
  /// More atlases than these add time but hardly accuracy.
  private static let mostVotes = 12

  public let registration: Registration
  /// K.
  public let classes: Int
  public let atlases: [Atlas]
  /// The least Dice there and back.
  public var leastReturn: Double
  /// Unlabelled volumes to which labels were carried before, and which vote like the atlases (Chakravarty et al., "Performing label-fusion-based
  /// segmentation using multiple automatically generated templates", Human Brain Mapping 2013).
  public var templates: [Atlas]

  public init(
    registration: Registration, classes: Int, atlases: [Atlas], leastReturn: Double = 0.5, templates: [Atlas] = []
  ) {
    (self.registration, self.classes, self.atlases, self.leastReturn) = (registration, classes, atlases, leastReturn)
    self.templates = templates
  }

  /// The registrations that labels of one volume take: with the atlases and templates that vote, and one back.
  public static func registrations(atlases: Int, templates: Int = 0) -> Int {
    min(atlases, mostVotes) + min(templates, mostVotes) + 1
  }

  /// The labels of a volume.
  /// - Parameter template: the number of the volume among the templates, of which it cannot be one itself; nil where it is none.
  public func labels(of image: PreparedImage, template: Int? = nil) -> PropagatedLabels {
    let voxels = image.frame.extent.count
    if let problem = image.problem { return .silent(voxels, problem) }
    let alike = atlases.filter { $0.image.channels == image.channels }, usable = alike.filter { $0.image.problem == nil }
    if alike.isEmpty { return .silent(voxels, "it has other channels than the labelled volumes") }
    if usable.isEmpty { return .silent(voxels, "no labelled volume can be registered") }
    let votes = votes(of: usable, for: image)
    let best = votes.max { $0.map.similarity < $1.map.similarity }!
    let others = templates.indices.filter { $0 != template }.map { templates[$0] }
    var result = PropagatedLabels(
      LabelFusion(classes: classes).fused(votes + self.votes(of: others, for: image), at: image.frame))
    result.similarity = best.map.similarity
    result.thereAndBack = thereAndBack(result.labels.labels, on: image, to: best.atlas)
    result.atBorders = best.map.agreement(atBordersOf: result.labels.labels, in: image.frame, classes: classes)
    if let reason = complaint(result, best.map) { (result.labels, result.silence) = (FusedLabels(voxels: voxels), reason) }
    return result
  }

  /// The atlases that are most alike to an image after an affine map, and where they lie.
  private func votes(of atlases: [Atlas], for image: PreparedImage) -> [(atlas: Atlas, map: SpatialMap)] {
    let aligned = atlases.map { (atlas: $0, alignment: registration.aligned(fixed: image, moving: $0.image)) }
    let ranked = aligned.sorted { $0.alignment.correlation > $1.alignment.correlation }.prefix(Self.mostVotes)
    return ranked.map { ($0.atlas, registration.deformed(fixed: image, moving: $0.atlas.image, after: $0.alignment.map)) }
  }

  private func complaint(_ result: PropagatedLabels, _ map: SpatialMap) -> String? {
    // So that what is no number complains.
    if let problem = map.problem { return problem }
    if !(result.thereAndBack >= leastReturn) { return "the labels do not come back to where they were" }
    return nil
  }

  /// Mean Dice of an atlas's labels with those that come back from the image.
  private func thereAndBack(_ labels: [UInt8], on image: PreparedImage, to atlas: Atlas) -> Double {
    let map = registration.register(fixed: atlas.image, moving: image)
    let returned = map.carried(Atlas(image: image, labels: labels), classes: classes, to: atlas.image)
    return meanDice(returned.labels, atlas.labels, classes: classes)
  }

  /// For each labelled volume, mean Dice of its labels with those that the others give it; empty for a single one.
  public func leaveOneOut() -> [Double] {
    guard atlases.count > 1 else { return [] }
    return atlases.indices.map { left in
      let others = atlases.indices.filter { $0 != left }.map { atlases[$0] }
      let image = atlases[left].image, found = LabelFusion(classes: classes).fused(votes(of: others, for: image), at: image.frame)
      return meanDice(found.labels, atlases[left].labels, classes: classes)
    }
  }
}

extension PreparedImage {
  /// Why it cannot be registered, a phrase; nil where nothing is known against it.
  public var problem: String? {
    let extent = levels[0].frame.extent
    // Of fewer voxels along an axis nothing can be said about deformations.
    if (0..<3).contains(where: { extent[$0] < 4 || frame.extent[$0] < 2 }) { return "it is too thin: \(frame.extent) voxels" }
    let squares = levels[0].sumOfSquares
    if !squares.isFinite { return "it holds values that are no numbers" }
    // Each channel that is not constant has variance 1.
    if squares < 0.5 { return "it is the same everywhere" }
    return nil
  }
}
