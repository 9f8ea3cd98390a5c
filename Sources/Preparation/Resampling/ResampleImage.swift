// Resampling of images by cubic B-splines, one axis after another (MIC-DKFZ/nnUNet,
// nnunetv2/preprocessing/resampling/default_resampling.py). Lines are computed in Double, 32 at a time so that the recursions
// vectorise; between axes values are Float.
// Axes: D depth, H height, W width, C channels; row-major, the last axis fastest.

import Volumes

/// One channel [D, H, W] on a new grid: cubic B-spline with exact prefilter, clipped to the range of the input. If the spacing (mm) is strongly
/// anisotropic, each slice is resampled and clipped by itself, and slices are taken from the nearest.
public func resampleImage(
  _ voxels: consuming [Float], from: Extent, spacing: Spacing, to: Extent, newSpacing: Spacing
) -> [Float] {
  let count = voxels.count
  guard count == from.count else {
    fatalError("resample: \(count) voxels are not \(from); pass one channel of the whole volume")
  }
  guard from != to else { return voxels }
  let separate = separateAxis(spacing, newSpacing)
  let range = channelRange(voxels, channel: 0, of: 1)
  var slices: SliceRanges?
  if let separate { slices = SliceRanges(voxels, from, axis: separate) }
  // Of a large volume no more than two arrays exist at a time.
  var result = consume voxels, extent = from
  // Axes that shrink most come first: the others then have less to do.
  let axes = (0..<3).filter { $0 != separate && from[$0] != to[$0] }
    .sorted { (Double(to[$0]) / Double(from[$0]), $0) < (Double(to[$1]) / Double(from[$1]), $1) }
  for axis in axes {
    result = SplineResampling(count: extent[axis], outputCount: to[axis]).apply(result, extent, axis: axis)
    extent[axis] = to[axis]
  }
  guard let separate, let slices else {
    result.withUnsafeMutableBufferPointer { result in
      for index in 0..<result.count { result[index] = max(range.minimum, min(range.maximum, result[index])) }
    }
    return result
  }
  if !axes.isEmpty { clipSlices(&result, extent, to: slices, axis: separate) }
  return nearestSlices(result, extent, axis: separate, count: to[separate])
}

/// An image of several channels [D, H, W, C] on a new grid, each channel as `resampleImage` does one.
public func resampleImage(
  _ image: [Float], channels: Int, from: Extent, spacing: Spacing, to: Extent, newSpacing: Spacing
) -> [Float] {
  guard from != to else { return image }
  if channels == 1 { return resampleImage(image, from: from, spacing: spacing, to: to, newSpacing: newSpacing) }
  var result = [Float](repeating: 0, count: to.count * channels)
  for channel in 0..<channels {
    var plane = [Float](repeating: 0, count: from.count)
    image.withUnsafeBufferPointer { image in
      plane.withUnsafeMutableBufferPointer { plane in
        for voxel in 0..<plane.count { plane[voxel] = image[voxel * channels + channel] }
      }
    }
    let resampled = resampleImage(plane, from: from, spacing: spacing, to: to, newSpacing: newSpacing)
    result.withUnsafeMutableBufferPointer { result in
      resampled.withUnsafeBufferPointer { resampled in
        for voxel in 0..<resampled.count { result[voxel * channels + channel] = resampled[voxel] }
      }
    }
  }
  return result
}

/// The smallest and largest value of every slice across one axis.
private struct SliceRanges {
  var minimum: [Float]
  var maximum: [Float]

  init(_ voxels: borrowing [Float], _ extent: Extent, axis: Int) {
    minimum = [Float](repeating: .infinity, count: extent[axis])
    maximum = [Float](repeating: -.infinity, count: extent[axis])
    let inner = innerStride(extent, axis)
    voxels.withUnsafeBufferPointer { voxels in
      for first in stride(from: 0, to: voxels.count, by: inner) {
        let slice = first / inner % extent[axis]
        var (low, high) = (minimum[slice], maximum[slice])
        for index in first..<first + inner {
          low = min(low, voxels[index])
          high = max(high, voxels[index])
        }
        (minimum[slice], maximum[slice]) = (low, high)
      }
    }
  }
}

private func clipSlices(_ voxels: inout [Float], _ extent: Extent, to ranges: SliceRanges, axis: Int) {
  let inner = innerStride(extent, axis)
  voxels.withUnsafeMutableBufferPointer { voxels in
    for first in stride(from: 0, to: voxels.count, by: inner) {
      let slice = first / inner % extent[axis]
      let (low, high) = (ranges.minimum[slice], ranges.maximum[slice])
      for index in first..<first + inner { voxels[index] = max(low, min(high, voxels[index])) }
    }
  }
}

private func nearestSlices(_ voxels: [Float], _ extent: Extent, axis: Int, count: Int) -> [Float] {
  guard extent[axis] != count else { return voxels }
  let source = LinearTaps(count: extent[axis], outputCount: count, nearest: true).lower
  let inner = innerStride(extent, axis)
  var result: [Float] = []
  result.reserveCapacity(extent.count / extent[axis] * count)
  for slab in stride(from: 0, to: voxels.count, by: inner * extent[axis]) {
    for slice in source { result += voxels[slab + slice * inner..<slab + (slice + 1) * inner] }
  }
  return result
}

/// The distance between neighbours along an axis.
private func innerStride(_ extent: Extent, _ axis: Int) -> Int {
  axis == 0 ? extent.height * extent.width : axis == 1 ? extent.width : 1
}
