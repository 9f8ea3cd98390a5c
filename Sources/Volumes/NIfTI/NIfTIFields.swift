// The fields of a NIfTI-1 or NIfTI-2 header in this machine's byte order, by nifticlib's structures. They are taken as they are: nifticlib's own
// conversion replaces what it holds for wrong, such as a negative spacing, and says so only on stderr.

import CNIfTI

/// What both versions of the format have.
struct NIfTIFields {
  /// The rank, then the voxels along seven axes.
  let dimensions: [Int]
  /// NIfTI's code of the scalar type.
  let type: Int
  /// The offset of the voxels, bytes; NIfTI-1 stores it as a float.
  let offset: Double
  let slope, intercept: Double
  let gridHeader: GridHeader

  init(_ bytes: [UInt8], _ signature: NIfTISignature) {
    if signature.version == 1 { self.init(version1: bytes, signature) } else { self.init(version2: bytes, signature) }
  }

  private init(version1 bytes: [UInt8], _ signature: NIfTISignature) {
    var header = nifti_1_header()
    withUnsafeMutableBytes(of: &header) { $0.copyBytes(from: bytes[0..<NIfTIHeader.size1]) }
    if signature.isSwapped { nifti_swap_as_nifti1(&header) }
    dimensions = elements(header.dim, of: Int16.self).map(Int.init)
    type = Int(header.datatype)
    (offset, slope, intercept) = (Double(header.vox_offset), Double(header.scl_slope), Double(header.scl_inter))
    gridHeader = GridHeader(
      pixdim: elements(header.pixdim, of: Float.self).map(Double.init), units: Int(header.xyzt_units),
      qformCode: Int(header.qform_code), sformCode: Int(header.sform_code),
      quaternion: [header.quatern_b, header.quatern_c, header.quatern_d].map(Double.init),
      quaternionOffset: [header.qoffset_x, header.qoffset_y, header.qoffset_z].map(Double.init),
      sform: [header.srow_x, header.srow_y, header.srow_z].flatMap { elements($0, of: Float.self).map(Double.init) })
  }

  private init(version2 bytes: [UInt8], _ signature: NIfTISignature) {
    var header = nifti_2_header()
    withUnsafeMutableBytes(of: &header) { $0.copyBytes(from: bytes[0..<NIfTIHeader.size2]) }
    if signature.isSwapped { nifti_swap_as_nifti2(&header) }
    dimensions = elements(header.dim, of: Int64.self).map(Int.init)
    type = Int(header.datatype)
    (offset, slope, intercept) = (Double(header.vox_offset), header.scl_slope, header.scl_inter)
    gridHeader = GridHeader(
      pixdim: elements(header.pixdim, of: Double.self), units: Int(header.xyzt_units), qformCode: Int(header.qform_code),
      sformCode: Int(header.sform_code), quaternion: [header.quatern_b, header.quatern_c, header.quatern_d],
      quaternionOffset: [header.qoffset_x, header.qoffset_y, header.qoffset_z],
      sform: [header.srow_x, header.srow_y, header.srow_z].flatMap { elements($0, of: Double.self) })
  }

  /// Voxels along the three axes, and volumes along a fourth. Errors: no dimensions, or more than any file holds; a fifth axis.
  func checkedDimensions(_ path: String) throws(VolumeError) -> (extent: [Int], volumes: Int) {
    let rank = dimensions[0]
    guard (1...7).contains(rank), dimensions[1...min(3, rank)].allSatisfy({ (1...1 << 31).contains($0) }) else {
      throw VolumeError("\(path) has a damaged header, its dimensions are \(dimensions): copy or convert the file again.")
    }
    let extent = (1...3).map { $0 <= rank ? dimensions[$0] : 1 }, volumes = rank > 3 ? max(1, dimensions[4]) : 1
    if rank > 4, dimensions[5...rank].contains(where: { $0 > 1 }) {
      let text = dimensions[1...rank].map(String.init).joined(separator: "x")
      throw VolumeError(
        "\(path) has \(text) voxels, more than four axes: split it into one 3D file for each channel (_0000, _0001, ...).")
    }
    guard (extent + [volumes]).map(Double.init).reduce(1, *) <= Double(1 << 40) else {
      throw VolumeError("\(path) has a damaged header, its dimensions are \(dimensions): copy or convert the file again.")
    }
    return (extent, volumes)
  }
}

/// The elements of a C array, which Swift sees as a tuple.
private func elements<Tuple, Element: BitwiseCopyable>(_ tuple: Tuple, of _: Element.Type) -> [Element] {
  withUnsafeBytes(of: tuple) { Array($0.bindMemory(to: Element.self)) }
}
