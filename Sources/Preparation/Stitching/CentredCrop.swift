// The crop of a prepared case that shows most of what is labelled, for pictures. Axes: D depth, H height, W width, C channels.

import Volumes

/// A crop around the middle of a case's foreground, or of the volume where there is none; what lies beyond the volume is 0.
public struct CentredCrop: Sendable {
  /// The first voxel (D, H, W), below 0 where the crop is padded.
  public let start: [Int]
  public let extent: Extent
  private let volume: Extent

  /// - Parameter label: [D, H, W] = `volume`; nil for the middle of the volume.
  public init(of extent: Extent, in volume: Extent, around label: [UInt8]?) {
    let middle = label.flatMap { foregroundMiddle($0, volume) } ?? (0..<3).map { volume[$0] / 2 }
    start = (0..<3).map { axis in
      let room = volume[axis] - extent[axis]
      return room > 0
        ? max(0, min(room, middle[axis] - extent[axis] / 2)) : Window.centredStart(count: volume[axis], size: extent[axis])
    }
    (self.extent, self.volume) = (extent, volume)
  }

  /// The crop [D, H, W, C] of an image.
  public func cut(image: [Float], channels: Int = 1) -> [Float] {
    Window(start: start, extent: extent).cut(image, of: volume, padding: [Float](repeating: 0, count: channels))
  }

  /// The crop [D, H, W] of labels.
  public func cut(label: [UInt8]) -> [UInt8] { Window(start: start, extent: extent).cut(label, of: volume, padding: [0]) }

  /// Labels [D, H, W] of the crop in the volume, background around them.
  public func paste(label: [UInt8]) -> [UInt8] {
    Window(start: start.map { -$0 }, extent: volume).cut(label, of: extent, padding: [0])
  }
}

/// The mean place of all labelled voxels; nil if there are none.
private func foregroundMiddle(_ label: [UInt8], _ extent: Extent) -> [Int]? {
  var sums = [0, 0, 0], count = 0
  label.withUnsafeBufferPointer { label in
    for d in 0..<extent.depth {
      for h in 0..<extent.height {
        for w in 0..<extent.width where label[extent.index(d, h, w)] != 0 {
          sums[0] += d
          sums[1] += h
          sums[2] += w
          count += 1
        }
      }
    }
  }
  return count == 0 ? nil : sums.map { $0 / count }
}
