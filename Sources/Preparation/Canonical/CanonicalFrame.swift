// The view of a volume that a frozen foundation model was trained on: cubes of N³ voxels at one spacing in all directions, centred
// on what is not background, standardised over it (uni-medical/SAM-Med3D, utils/infer_utils.py; one frame for a whole volume is
// ours). A prepared volume lies in RAS+ with axes (D, H, W); the model's axes are (x, y, z) = (W, H, D). Positions count voxels
// from the middle of the first one.

import Kernels
import Volumes

/// A cube of `size`³ voxels somewhere over a prepared volume.
public struct CanonicalWindow: Sendable, Equatable {
  /// N.
  public var size: Int
  /// The position of the window's first voxel in the volume: volume voxels along (D, H, W).
  public var origin: [Double]
  /// Volume voxels along (D, H, W) in one voxel of the window.
  public var step: [Double]
  /// The window positions along (D, H, W) that the window answers for: itself, and all beyond where no other window follows.
  public var reach: [ClosedRange<Double>]

  public init(size: Int, origin: [Double], step: [Double], reach: [ClosedRange<Double>]) {
    (self.size, self.origin, self.step, self.reach) = (size, origin, step, reach)
  }

  /// The position in the window, along (D, H, W), of a position in the volume.
  public func position(_ volume: [Double]) -> [Double] { (0..<3).map { (volume[$0] - origin[$0]) / step[$0] } }
}

/// Cuts the windows of volumes.
public struct CanonicalFrame: Sendable, Equatable {
  /// N: voxels along each axis of a window.
  public var size: Int
  /// mm along each axis of a voxel of a window.
  public var spacing: Double

  public init(size: Int, spacing: Double) { (self.size, self.spacing) = (size, spacing) }

  /// The windows over a volume's foreground: one where it fits, else as many as needed, half a window apart.
  /// - Parameter image: [D, H, W, C] of `extent` voxels; channel 0 decides what is background.
  public func windows(_ image: [Float], channels: Int, extent: Extent, spacing volumeSpacing: Spacing) -> [CanonicalWindow] {
    let box = Self.foregroundBox(image, channels: channels, extent: extent)
    let axes = (0..<3).map { axis -> [(origin: Double, reach: ClosedRange<Double>)] in
      let step = spacing / volumeSpacing[axis], half = Double(size) / 2
      let length = Double(box[axis].count) / step, middle = Self.middle(box[axis])
      let count = max(1, 1 + Int(((length - Double(size)) / half - 1e-9).rounded(.up)))
      return (0..<count).map { number in
        let centre = middle + (Double(number) - Double(count - 1) / 2) * half * step
        let lower = number == 0 ? -Double.infinity : -0.5
        let upper = number == count - 1 ? Double.infinity : Double(size) - 0.5
        return (centre - (half - 0.5) * step, lower...upper)
      }
    }
    return axes[0].flatMap { d in
      axes[1].flatMap { h in
        axes[2].map { w in
          CanonicalWindow(
            size: size, origin: [d.origin, h.origin, w.origin], step: (0..<3).map { spacing / volumeSpacing[$0] },
            reach: [d.reach, h.reach, w.reach])
        }
      }
    }
  }

  /// The one window of a volume whatever its size, centred on the foreground; answers for everything.
  public func centredWindow(_ image: [Float], channels: Int, extent: Extent, spacing volumeSpacing: Spacing) -> CanonicalWindow {
    let box = Self.foregroundBox(image, channels: channels, extent: extent)
    let step = (0..<3).map { spacing / volumeSpacing[$0] }
    let origin = (0..<3).map { Self.middle(box[$0]) - Double(size - 1) / 2 * step[$0] }
    return CanonicalWindow(size: size, origin: origin, step: step, reach: Array(repeating: -.infinity ... .infinity, count: 3))
  }

  /// What the model sees through a window: channel 0 by linear interpolation, background 0, then standardised with mean and
  /// unbiased standard deviation of what lies above the background. Prepared CT was clamped before, more tightly than to the
  /// [-1000, 1000] of SAM-Med3D.
  /// - Returns: [N, N, N] along (x, y, z).
  public func image(_ image: [Float], channels: Int, extent: Extent, window: CanonicalWindow) -> [Float] {
    let threshold = ForegroundThreshold(image, channels: channels)
    var channel = [Float](repeating: 0, count: extent.count)
    for voxel in 0..<extent.count { channel[voxel] = threshold.raised(image[voxel * channels]) }
    let axes = (0..<3).map { axis -> AxisWeights in
      let inside = -0.5...Double(extent[axis]) - 0.5
      return linearWeights(
        inputs: extent[axis],
        at: (0..<size).map { window.origin[axis] + Double($0) * window.step[axis] }.map { inside.contains($0) ? $0 : nil })
    }
    var cube = [Float](repeating: 0, count: size * size * size)
    mapAxes(channel, channels: 1, through: axes, into: &cube)
    standardize(&cube, above: threshold.width)
    return permuted(cube, sides: [size, size, size], channels: 1, order: [2, 1, 0])
  }

  private static func middle(_ range: Range<Int>) -> Double { Double(range.lowerBound + range.upperBound - 1) / 2 }

  /// The mm along D, H, W of what is not background.
  public static func foregroundSize(_ image: [Float], channels: Int, extent: Extent, spacing volumeSpacing: Spacing) -> [Double] {
    let box = foregroundBox(image, channels: channels, extent: extent)
    return (0..<3).map { Double(box[$0].count) * volumeSpacing[$0] }
  }

  /// The voxels along D, H, W that hold everything above the background; the whole volume where nothing is.
  private static func foregroundBox(_ image: [Float], channels: Int, extent: Extent) -> [Range<Int>] {
    let threshold = ForegroundThreshold(image, channels: channels)
    var lower = [Int.max, Int.max, Int.max], upper = [-1, -1, -1]
    image.withUnsafeBufferPointer { image in
      for d in 0..<extent.depth {
        for h in 0..<extent.height {
          let row = extent.index(d, h, 0)
          let isIn = { (w: Int) in threshold.raised(image[(row + w) * channels]) > threshold.width }
          guard let first = (0..<extent.width).first(where: isIn), let last = (0..<extent.width).last(where: isIn) else {
            continue
          }
          lower = zip(lower, [d, h, first]).map(min)
          upper = zip(upper, [d, h, last]).map(max)
        }
      }
    }
    return (0..<3).map { upper[$0] < 0 ? 0..<extent[$0] : lower[$0]..<upper[$0] + 1 }
  }
}

/// Background is the smallest value of channel 0, and all within a ten-thousandth of its range: resampling leaves rounding there.
private struct ForegroundThreshold {
  let background, width: Float

  init(_ image: [Float], channels: Int) {
    let range = channelRange(image, channel: 0, of: channels)
    (background, width) = (range.minimum, (range.maximum - range.minimum) * 1e-4)
  }

  /// The value above the background.
  func raised(_ value: Float) -> Float { value - background }
}

/// Mean 0 and unbiased standard deviation 1 over the values above `threshold`, applied to all; values of no spread only lose their
/// mean.
private func standardize(_ values: inout [Float], above threshold: Float) {
  var sum = 0.0, squares = 0.0, count = 0.0
  for value in values where value > threshold { (sum, count) = (sum + Double(value), count + 1) }
  let mean = count > 0 ? sum / count : 0
  for value in values where value > threshold { squares += (Double(value) - mean) * (Double(value) - mean) }
  let standardDeviation = count > 1 ? (squares / (count - 1)).squareRoot() : 0
  let scale = standardDeviation > 1e-8 ? 1 / standardDeviation : 1
  values.withUnsafeMutableBufferPointer { values in
    for index in values.indices { values[index] = Float((Double(values[index]) - mean) * scale) }
  }
}
