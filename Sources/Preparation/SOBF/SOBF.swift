// SOBF: the smooth orthogonal bias field. It makes the paired view x' = x·M + A of a crop x from a multiplicative field M and an
// additive field A which are smooth, have mean 1 and 0, and are orthogonal to each other (ReLiF-3D; kunaljangid01/ReLiF_3D,
// code/ReLiF_3D_train_brats.py, `sobf_augment`).
// Axes: D depth, H height, W width, C channels; row-major, C fastest. Both fields are [D, H, W] and serve every channel.

import Tensors
import Volumes

/// A view of a crop with the two fields that made it.
public struct SOBFView: Sendable {
  /// x' [D, H, W, C].
  public var image: [Float]
  /// M [D, H, W], around 1.
  public var multiplicativeField: [Float]
  /// A [D, H, W], around 0, in units of the normalised image.
  public var additiveField: [Float]
}

/// The smooth orthogonal bias field. A function of (seed, volume, draw, step) and of nothing else: not of ranks, threads or earlier calls.
/// It takes no label, so it cannot change one.
public struct SOBF: Sendable {
  /// The source of smooth random fields.
  public enum Generator: Sendable, Equatable {
    /// White noise under a running mean of odd width, in voxels, applied `passes` times along each axis.
    case box(multiplicativeWidth: Int, additiveWidth: Int, passes: Int, border: BoxBorder)
    /// Cosine waves: M has those of index norm up to the first limit, A those beyond it up to the second.
    case cosineBands(multiplicativeLimit: Double, additiveLimit: Double)
    /// Polynomials up to a total degree: M has those of odd, A those of even degree.
    case polynomials(degree: Int)
  }

  /// How a standardised field is brought to its strength.
  public enum Squash: Sendable { case tanh, none }

  /// The intensity that M leaves in place: zero, or the smallest intensity of the channel (the background).
  public enum Origin: Sendable { case zero, minimum }

  /// The range the view is clamped to: quantiles of the channel, its minimum and maximum, or nothing.
  public enum Clamp: Sendable, Equatable { case quantiles(Double, Double), minimumAndMaximum, none }

  public var generator: Generator
  public var squash: Squash = .tanh
  /// Whether zero means and orthogonality are restored after the squash; the published code leaves them approximate.
  public var isExact = true
  public var origin: Origin = .zero
  /// Whether voxels at the smallest intensity of the channel are copied unchanged.
  public var keepsBackground = false
  public var clamp: Clamp = .quantiles(0.01, 0.99)
  /// Strengths at the end of training; the first must be below 1, so that M stays positive.
  public var multiplicativeStrength = 0.25
  public var additiveStrength = 0.12

  public init(preset: SOBFPreset) {
    generator = .box(multiplicativeWidth: 41, additiveWidth: 21, passes: 1, border: .zero)
    switch preset {
    case .paper: break
    case .released: isExact = false
    case .smooth:
      generator = .box(multiplicativeWidth: 23, additiveWidth: 13, passes: 3, border: .valid)
      (origin, keepsBackground, clamp) = (.minimum, true, .minimumAndMaximum)
    case .spectral:
      generator = .cosineBands(multiplicativeLimit: 6, additiveLimit: 12)
      (origin, clamp) = (.minimum, .minimumAndMaximum)
    case .physical:
      generator = .polynomials(degree: 3)
      (origin, clamp) = (.minimum, .minimumAndMaximum)
    }
  }

  /// The strengths at a step: half of the full ones at the start, growing linearly to the full ones at the end (`sobf_augment`).
  public func strengths(step: Int, of total: Int) -> (multiplicative: Double, additive: Double) {
    let ramp = 0.5 + 0.5 * min(1, Double(step) / Double(max(1, total)))
    return (multiplicativeStrength * ramp, additiveStrength * ramp)
  }

  /// The view of a normalised crop `image` [D, H, W, C]; `draw` is the global number of the sample.
  public func apply(
    to image: [Float], extent: Extent, channels: Int = 1, seed: UInt64, volume: String, draw: UInt64, step: Int, total: Int
  ) -> SOBFView {
    guard image.count == extent.count * channels, !image.isEmpty else {
      fatalError(
        "SOBF: an image of \(image.count) values is not \(extent) voxels of \(channels) channels; pass one value per voxel and channel"
      )
    }
    let (multiplicative, additive) = fields(
      extent: extent, strengths: strengths(step: step, of: total), seed: seed, volume: volume, draw: draw)
    var view = SOBFView(image: image, multiplicativeField: multiplicative, additiveField: additive)
    for channel in 0..<channels { form(&view, channel: channel, of: channels) }
    return view
  }

  /// The fields M and A [D, H, W] of one draw.
  public func fields(
    extent: Extent, strengths: (multiplicative: Double, additive: Double), seed: UInt64, volume: String, draw: UInt64
  ) -> (multiplicative: [Float], additive: [Float]) {
    guard (0..<1).contains(strengths.multiplicative), strengths.additive >= 0 else {
      fatalError("SOBF: strengths \(strengths) are outside 0..<1 and 0...; choose them so that 1 + u stays positive")
    }
    let keys = (
      RandomKey(seed: seed, volume: volume, draw: draw, stream: RandomStream.multiplicativeField),
      RandomKey(seed: seed, volume: volume, draw: draw, stream: RandomStream.additiveField)
    )
    var pair: FieldPair
    switch generator {
    case .box(let multiplicativeWidth, let additiveWidth, let passes, let border):
      pair = FieldPair(
        BoxNoise(width: multiplicativeWidth, passes: passes, border: border).field(extent, key: keys.0),
        BoxNoise(width: additiveWidth, passes: passes, border: border).field(extent, key: keys.1))
    case .cosineBands(let limit, let additiveLimit):
      pair = FieldPair(
        CosineBand(above: 0, upTo: limit, knee: 3).field(extent, key: keys.0),
        CosineBand(above: limit, upTo: additiveLimit, knee: 6).field(extent, key: keys.1))
    case .polynomials(let degree):
      pair = FieldPair(
        PolynomialField(degree: degree, parity: .odd).field(extent, key: keys.0),
        PolynomialField(degree: degree, parity: .even).field(extent, key: keys.1))
    }
    pair.squash(squash, strengths: strengths)
    if isExact { pair.project(limits: squash.limits(strengths)) }
    return (pair.first.map { 1 + $0 }, pair.second)
  }

  /// Image formation and clamp of one channel: o + (x - o)·M + A.
  private func form(_ view: inout SOBFView, channel: Int, of channels: Int) {
    let range = channelRange(view.image, channel: channel, of: channels)
    let offset = origin == .zero ? 0 : range.minimum
    let (lower, upper) = clampRange(view.image, channel: channel, of: channels, range: range)
    let keepsBackground = keepsBackground
    let background = range.minimum
    view.image.withUnsafeMutableBufferPointer { image in
      view.multiplicativeField.withUnsafeBufferPointer { gain in
        view.additiveField.withUnsafeBufferPointer { shift in
          for voxel in 0..<gain.count {
            let index = voxel * channels + channel
            let value = image[index]
            let formed = offset + (value - offset) * gain[voxel] + shift[voxel]
            let clamped = max(lower, min(upper, formed))
            image[index] = keepsBackground && value == background ? value : clamped
          }
        }
      }
    }
  }

  private func clampRange(
    _ image: [Float], channel: Int, of channels: Int, range: (minimum: Float, maximum: Float)
  ) -> (Float, Float) {
    switch clamp {
    case .quantiles(let low, let high):
      let bounds = quantiles(image, channel: channel, of: channels, [low, high])
      return (Float(bounds[0]), Float(bounds[1]))
    case .minimumAndMaximum: return (range.minimum, range.maximum)
    case .none: return (-.infinity, .infinity)
    }
  }
}

extension SOBF.Squash {
  /// The largest |u| and |v| that the exact projection may leave.
  func limits(_ strengths: (multiplicative: Double, additive: Double)) -> (Double, Double) {
    self == .tanh ? strengths : (0.9, 3.5 * strengths.additive)
  }
}
