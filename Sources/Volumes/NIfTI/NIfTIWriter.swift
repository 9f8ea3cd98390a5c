// Writing NIfTI-1 back to the exact grid of a file: its axis order and the numbers of its header; uint8 for labels, float32 for volumes.

import CNIfTI

/// Writes labels to the grid they were read from; compressed when the name ends in .gz, and always the same bytes for the same labels.
///
/// Errors: a folder that is missing or may not be written to, a full disk, an axis longer than NIfTI-1 can hold.
public func writeLabels(_ labels: LabelVolume, to path: String) throws(VolumeError) {
  requireMatch(labels.extent, count: labels.labels.count, grid: labels.grid, operation: "writeLabels")
  let voxels = VoxelOrder(labels.grid).scatter(labels.labels, filling: 0)
  try write(voxels, type: .uint8, grid: labels.grid, to: path)
}

/// Writes predicted labels as `writeLabels` does, with a seal by which `isUnchangedPrediction` knows them again.
public func writePrediction(_ labels: LabelVolume, to path: String) throws(VolumeError) {
  requireMatch(labels.extent, count: labels.labels.count, grid: labels.grid, operation: "writePrediction")
  let voxels = VoxelOrder(labels.grid).scatter(labels.labels, filling: 0)
  try write(voxels, type: .uint8, grid: labels.grid, isPrediction: true, to: path)
}

/// Writes intensities to the grid they were read from; otherwise as `writeLabels`.
public func writeVolume(_ volume: Volume, to path: String) throws(VolumeError) {
  requireMatch(volume.extent, count: volume.voxels.count, grid: volume.grid, operation: "writeVolume")
  let voxels = VoxelOrder(volume.grid).scatter(volume.voxels, filling: 0)
  try write(voxels, type: .float32, grid: volume.grid, to: path)
}

/// Writes several volumes of one grid as one file of four axes.
/// - Parameters:
///   - volumes: on `grid`, at least one.
public func writeVolumes(_ volumes: [Volume], grid: FileGrid, to path: String) throws(VolumeError) {
  try write(fileOrder(volumes, grid), type: .float32, grid: grid, volumes: volumes.count, to: path)
}

/// The voxels of volumes of one grid as a file of that grid has them, the first volume first: [K, D, H, W] for a file whose axes are W, H, D.
public func fileOrder(_ volumes: [Volume], _ grid: FileGrid) -> [Float] {
  var voxels: [Float] = []
  voxels.reserveCapacity(volumes.count * grid.extent.count)
  for volume in volumes {
    requireMatch(volume.extent, count: volume.voxels.count, grid: grid, operation: "fileOrder")
    voxels += VoxelOrder(grid).scatter(volume.voxels, filling: 0)
  }
  return voxels
}

private func requireMatch(_ extent: Extent, count: Int, grid: FileGrid, operation: String) {
  guard extent == grid.extent, count == extent.count else {
    fatalError(
      "\(operation): \(count) values of extent \(extent) do not fit the grid of \(grid.extent) voxels; give the grid that the values belong to"
    )
  }
}

private func write<Value: BitwiseCopyable>(
  _ voxels: [Value], type: ScalarType, grid: FileGrid, volumes: Int = 1, isPrediction: Bool = false, to path: String
) throws(VolumeError) {
  guard let longest = grid.dimensions.max(), longest <= Int(Int16.max) else {
    throw VolumeError(
      "\(path) cannot be written, an axis of \(grid.dimensions) voxels is too long for NIfTI-1: crop or resample it.")
  }
  var header = headerBytes(grid, type: type, volumes: volumes) + [0, 0, 0, 0]  // the last four bytes: no extensions
  if isPrediction { voxels.withUnsafeBytes { PredictionSeal.seal(&header, voxels: $0) } }
  try header.withUnsafeBufferPointer { (first) throws(VolumeError) in
    try voxels.withUnsafeBufferPointer { (second) throws(VolumeError) in
      try writeFile([UnsafeRawBufferPointer(first), UnsafeRawBufferPointer(second)], to: path)
    }
  }
}

private func headerBytes(_ grid: FileGrid, type: ScalarType, volumes: Int) -> [UInt8] {
  var header = nifti_1_header()
  header.sizeof_hdr = Int32(NIfTIHeader.size1)
  header.regular = CChar(UInt8(ascii: "r"))
  let sides = grid.dimensions.map { Int16($0) }
  header.dim = (volumes > 1 ? 4 : 3, sides[0], sides[1], sides[2], Int16(volumes), 1, 1, 1)
  header.datatype = Int16(type.rawValue)
  header.bitpix = Int16(8 * type.byteCount)
  let stored = grid.header
  let p = stored.pixdim.map { Float($0) }
  header.pixdim = (p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7])
  header.vox_offset = 352
  header.scl_slope = 1
  header.xyzt_units = CChar(truncatingIfNeeded: stored.units)
  header.qform_code = Int16(clamping: stored.qformCode)
  header.sform_code = Int16(clamping: stored.sformCode)
  let quaternion = stored.quaternion.map { Float($0) }, offset = stored.quaternionOffset.map { Float($0) }
  (header.quatern_b, header.quatern_c, header.quatern_d) = (quaternion[0], quaternion[1], quaternion[2])
  (header.qoffset_x, header.qoffset_y, header.qoffset_z) = (offset[0], offset[1], offset[2])
  let s = stored.sform.map { Float($0) }
  header.srow_x = (s[0], s[1], s[2], s[3])
  header.srow_y = (s[4], s[5], s[6], s[7])
  header.srow_z = (s[8], s[9], s[10], s[11])
  withUnsafeMutableBytes(of: &header.descrip) { $0.copyBytes(from: "Cohort".utf8) }
  withUnsafeMutableBytes(of: &header.magic) { $0.copyBytes(from: "n+1\0".utf8) }
  return withUnsafeBytes(of: header) { Array($0) }
}
