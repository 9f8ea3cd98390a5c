// Reading volumes of any format, compressed or not (by content, never by name), into canonical orientation. nifticlib swaps bytes.

import CNIfTI

/// A scan with its intensities (slope and intercept applied), in canonical orientation.
///
/// Errors: no such file, a folder, no volume, truncated or damaged, 4D, a type that is not a real scalar, voxels that are NaN or infinite.
/// - Parameter axes: another order of the axes than D, H, W.
public func readVolume(_ path: String, axes: AxisOrder? = nil) throws(VolumeError) -> Volume {
  try volume(path, try readVoxels(try openVolume(path), axes))
}

/// The volumes along a fourth axis of a NIfTI file, each of which is one for `readVolume(_:number:)`; 1 in files of other formats.
public func volumeCount(_ path: String) throws(VolumeError) -> Int {
  let head = try TextHeader.beginning(of: path)
  return NRRDFile.isOne(head) || MetaImageFile.isOne(head) ? 1 : try NIfTIFile(path, volume: 0).volumes
}

/// One volume of a NIfTI file that has several along a fourth axis.
/// - Parameter number: less than `volumeCount(path)`.
/// Errors: those of `readVolume`.
public func readVolume(_ path: String, number: Int) throws(VolumeError) -> Volume {
  try volume(path, try readVoxels(try NIfTIFile(path, volume: number), nil))
}

/// The grid that each volume of such a file has.
public func readGrid(_ path: String, number: Int) throws(VolumeError) -> FileGrid {
  try NIfTIFile(path, volume: number).stored.grid
}

private func volume(_ path: String, _ content: (grid: FileGrid, voxels: [Float])) throws(VolumeError) -> Volume {
  let (grid, voxels) = content
  let bad = nonFiniteCount(voxels)
  guard bad == 0 else {
    throw VolumeError(
      "\(path) holds \(bad) voxels that are NaN or infinite: replace them, for instance by 0 with `fslmaths -nan`.")
  }
  return Volume(extent: grid.extent, spacing: grid.spacing, voxels: voxels, grid: grid)
}

/// A label map in canonical orientation: values rounded to 0...255.
///
/// Errors: those of `readVolume`, and a value further than 0.001 from an integer or outside 0...255, which is named.
/// - Parameter axes: another order of the axes than D, H, W.
public func readLabels(_ path: String, axes: AxisOrder? = nil) throws(VolumeError) -> LabelVolume {
  let (grid, voxels) = try readVoxels(try openVolume(path), axes)
  var labels = [UInt8](repeating: 0, count: voxels.count)
  var offender: Float?
  voxels.withUnsafeBufferPointer { source in
    labels.withUnsafeMutableBufferPointer { target in
      for index in 0..<source.count {
        let value = source[index]
        let nearest = value.rounded()
        guard abs(value - nearest) <= 1e-3, nearest >= 0, nearest <= 255 else {
          offender = value
          return
        }
        target[index] = UInt8(nearest)
      }
    }
  }
  if let offender {
    throw VolumeError(
      "\(path) holds the label \(offender): a label file may hold only whole numbers from 0 to 255, so correct or convert it.")
  }
  return LabelVolume(extent: grid.extent, spacing: grid.spacing, labels: labels, grid: grid)
}

/// The grid of a file, from its header alone.
public func readGrid(_ path: String) throws(VolumeError) -> FileGrid { try openVolume(path).stored.grid }

/// Grid and canonical voxels [D, H, W] of a file.
private func readVoxels(_ file: any VolumeFile, _ axes: AxisOrder?) throws(VolumeError) -> (grid: FileGrid, voxels: [Float]) {
  var stored = file.stored
  var raw = try file.readVoxels()
  if stored.isSwapped, stored.scalar.byteCount > 1 {
    raw.withUnsafeMutableBytes {
      nifti_swap_Nbytes(Int64($0.count / stored.scalar.byteCount), Int32(stored.scalar.byteCount), $0.baseAddress!)
    }
  }
  if let axes { stored.grid = stored.grid.ordered(axes) }
  return (stored.grid, canonicalVoxels(raw, stored))
}

private func canonicalVoxels(_ raw: [UInt8], _ stored: StoredVoxels) -> [Float] {
  let order = VoxelOrder(stored.grid)
  return [Float](unsafeUninitializedCapacity: order.extent.count) { target, count in
    raw.withUnsafeBytes { bytes in
      func gather<Stored: StoredScalar>(_: Stored.Type) {
        order.gather(
          bytes.assumingMemoryBound(to: Stored.self).baseAddress!, slope: stored.slope, intercept: stored.intercept,
          into: target.baseAddress!)
      }
      switch stored.scalar {
      case .uint8: gather(UInt8.self)
      case .int8: gather(Int8.self)
      case .uint16: gather(UInt16.self)
      case .int16: gather(Int16.self)
      case .uint32: gather(UInt32.self)
      case .int32: gather(Int32.self)
      case .uint64: gather(UInt64.self)
      case .int64: gather(Int64.self)
      case .float32: gather(Float.self)
      case .float64: gather(Double.self)
      }
    }
    count = order.extent.count
  }
}

private func nonFiniteCount(_ voxels: [Float]) -> Int {
  voxels.withUnsafeBufferPointer { buffer in
    var count = 0
    for index in 0..<buffer.count where !buffer[index].isFinite { count += 1 }
    return count
  }
}
