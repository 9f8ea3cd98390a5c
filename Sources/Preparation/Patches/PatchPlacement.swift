// Where a patch begins in its volume: a function of the key of its draw.
// Axes: 0 depth, 1 height, 2 width, in voxels.

import Tensors
import Volumes

/// Where patches lie, and which of them are around a foreground voxel.
public enum PatchPlacement: String, Sendable, Codable, CaseIterable {
  /// Within the volume, or centred where that is smaller (HiLab-git/SSL4MIS, code/dataloaders/brats2019.py, `RandomCrop`); a share of the patches of
  /// labelled volumes, drawn one by one, is around a foreground voxel.
  case inside
  /// As nnU-Net: the patch with what its augmentation may need around it may reach beyond the volume by half of that, and the last patches of a batch
  /// are those around a foreground voxel (MIC-DKFZ/nnUNet v2.8.1, nnunetv2/training/dataloading/data_loader.py).
  case nnunet

  /// What continues an image [D, H, W, C] beyond its volume: each channel's smallest value, or zeros.
  func padding(of image: [Float], channels: Int) -> [Float] {
    self == .nnunet ? [Float](repeating: 0, count: channels) : background(image, channels: channels)
  }

  /// Whether element `position` of a batch of `count` must have foreground: those from round(count · (1 - share)) on, halves to even.
  public static func forcesForeground(_ position: Int, of count: Int, share: Double) -> Bool {
    position >= Int((Double(count) * (1 - share)).rounded(.toNearestOrEven))
  }

  /// The first voxel of the enlarged patch.
  /// - Parameter centre: the foreground voxel that it lies around; nil for anywhere.
  func start(of patch: AugmentedPatch, around centre: [Int]?, in volume: Extent, _ key: RandomKey) -> [Int] {
    switch self {
    case .inside:
      let start = (0..<3).map { axis in inside(patch.patch[axis], around: centre?[axis], of: volume[axis], axis, key) }
      return zip(start, patch.margin).map { $0 - $1 }
    case .nnunet:
      if let centre { return patch.start(around: centre, in: volume) }
      return patch.starts(in: volume).enumerated().map { axis, range in
        range.lowerBound + key.integer(UInt64(1 + axis), below: range.count)
      }
    }
  }

  private func inside(_ size: Int, around centre: Int?, of count: Int, _ axis: Int, _ key: RandomKey) -> Int {
    let room = count - size
    guard room > 0 else { return Window.centredStart(count: count, size: size) }
    guard let centre else { return key.integer(UInt64(1 + axis), below: room + 1) }
    return max(0, min(room, centre - size / 2))
  }
}

/// A random voxel (D, H, W) of a random one of those structures that the label [D, H, W] holds; nil if it holds none. Draws numbers 4 and 5 of the key.
/// - Parameter structures: the labels of each.
func voxel(of structures: [[Int]], in label: [UInt8], _ extent: Extent, _ key: RandomKey) -> [Int]? {
  label.withUnsafeBufferPointer { label in
    var counts = [Int](repeating: 0, count: 256)
    counts.withUnsafeMutableBufferPointer { counts in
      for voxel in 0..<label.count { counts[Int(label[voxel])] += 1 }
    }
    func count(_ labels: [Int]) -> Int { labels.reduce(0) { $0 + counts[$1] } }
    let found = structures.filter { count($0) > 0 }
    guard !found.isEmpty else { return nil }
    let chosen = found[key.integer(4, below: found.count)]
    var remaining = key.integer(5, below: count(chosen)), isChosen = [Bool](repeating: false, count: 256)
    for label in chosen { isChosen[label] = true }
    for voxel in 0..<label.count where isChosen[Int(label[voxel])] {
      if remaining == 0 {
        return [voxel / (extent.height * extent.width), voxel / extent.width % extent.height, voxel % extent.width]
      }
      remaining -= 1
    }
    return nil
  }
}
