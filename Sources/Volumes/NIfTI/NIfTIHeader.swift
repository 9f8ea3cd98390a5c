// The header of a NIfTI-1 or NIfTI-2 file: nifticlib decodes it, after the checks that it would only answer with a line on stderr.
// Format: https://nifti.nimh.nih.gov (nifti1.h, nifti2.h). File axes x (fastest), y, z.

import CNIfTI

/// The scalar types that are read, with NIfTI's codes.
enum ScalarType: Int {
  case uint8 = 2
  case int16 = 4
  case int32 = 8
  case float32 = 16
  case float64 = 64
  case int8 = 256
  case uint16 = 512
  case uint32 = 768
  case int64 = 1024
  case uint64 = 1280

  var byteCount: Int {
    switch self {
    case .uint8, .int8: 1
    case .int16, .uint16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    }
  }
}

/// The header that a reader needs before the voxels.
struct NIfTIHeader {
  var grid: FileGrid
  var scalar: ScalarType
  /// Whether the file's byte order is not this machine's.
  var isSwapped: Bool
  /// The offset of the voxels, bytes from the start of the (uncompressed) file.
  var dataOffset: Int
  /// value = slope * stored + intercept.
  var slope, intercept: Double

  var byteCount: Int { grid.dimensions.reduce(scalar.byteCount, *) }

  static let size1 = 348
  static let size2 = 540

  /// Decodes the first bytes of a file: 540 of them, or 348 when the file has no more.
  init(_ bytes: [UInt8], path: String) throws(VolumeError) {
    guard bytes.count >= Self.size1 else {
      throw VolumeError("\(path) is not a NIfTI file, it has only \(bytes.count) bytes: give a .nii or .nii.gz file.")
    }
    let (version, isSwapped) = try Self.signature(bytes, path: path)
    let image = try Self.decode(bytes, version: version, isSwapped: isSwapped, path: path)
    defer { nifti_image_free(image) }
    guard let scalar = ScalarType(rawValue: Int(image.pointee.datatype)) else {
      throw VolumeError(
        "\(path) holds \(scalarName(Int(image.pointee.datatype))) voxels, which are not supported: convert it to a real scalar type such as float32."
      )
    }
    self.scalar = scalar
    self.isSwapped = isSwapped
    dataOffset = max(Int(image.pointee.iname_offset), version == 1 ? 352 : 544)
    let (slope, intercept) = (image.pointee.scl_slope, image.pointee.scl_inter)
    let scales = slope.isFinite && slope != 0
    (self.slope, self.intercept) = (scales ? slope : 1, scales && intercept.isFinite ? intercept : 0)
    grid = try fileGrid(image.pointee, path: path)
  }

  /// The version (1 or 2) and byte order of a header, from its size field and magic.
  private static func signature(_ bytes: [UInt8], path: String) throws(VolumeError) -> (version: Int, isSwapped: Bool) {
    let stored = bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
    let isSwapped = stored.byteSwapped == size1 || stored.byteSwapped == size2
    let size = Int(isSwapped ? stored.byteSwapped : stored)
    if size == size1 {
      let magic = Array(bytes[344..<348])
      if magic == Array("n+1\0".utf8) { return (1, isSwapped) }
      if magic == Array("ni1\0".utf8) {
        throw VolumeError(
          "\(path) is a NIfTI header whose voxels are in a separate .img file: convert the pair to one .nii.gz file.")
      }
      throw VolumeError("\(path) is not a NIfTI file (perhaps Analyze 7.5): convert it to .nii.gz.")
    }
    if size == size2, bytes.count >= size2, Array(bytes[4..<8]) == Array("n+2\0".utf8) { return (2, isSwapped) }
    throw VolumeError("\(path) is not a NIfTI file: give a .nii or .nii.gz file, or convert it to one.")
  }

  /// nifticlib's view of a header whose fields are sound enough for it.
  private static func decode(
    _ bytes: [UInt8], version: Int, isSwapped: Bool, path: String
  ) throws(VolumeError) -> UnsafeMutablePointer<nifti_image> {
    let dimensions = storedDimensions(bytes, version: version, isSwapped: isSwapped)
    let rank = dimensions[0]
    guard (1...7).contains(rank), dimensions[1...min(3, rank)].allSatisfy({ $0 > 0 }) else {
      throw VolumeError("\(path) has a damaged header, its dimensions are \(dimensions): copy or convert the file again.")
    }
    if rank > 3, let extra = dimensions[4...rank].first(where: { $0 > 1 }) {
      let text = dimensions[1...rank].map(String.init).joined(separator: "x")
      throw VolumeError(
        "\(path) has \(text) voxels, a fourth axis of \(extra): split it into one 3D file for each channel or time point (_0000, _0001, ...)."
      )
    }
    let typeOffset = version == 1 ? 70 : 12
    let stored = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: typeOffset, as: Int16.self) }
    let type = Int(isSwapped ? stored.byteSwapped : stored)
    guard ScalarType(rawValue: type) != nil else {
      throw VolumeError(
        "\(path) holds \(scalarName(type)) voxels, which are not supported: convert it to a real scalar type such as float32.")
    }
    guard let image = nifticlibImage(bytes, version: version) else {
      throw VolumeError("\(path) has a damaged header: copy or convert the file again.")
    }
    return image
  }

  private static func storedDimensions(_ bytes: [UInt8], version: Int, isSwapped: Bool) -> [Int] {
    bytes.withUnsafeBytes { raw in
      (0..<8).map { index in
        if version == 1 {
          let value = raw.loadUnaligned(fromByteOffset: 40 + 2 * index, as: Int16.self)
          return Int(isSwapped ? value.byteSwapped : value)
        }
        let value = raw.loadUnaligned(fromByteOffset: 16 + 8 * index, as: Int64.self)
        return Int(isSwapped ? value.byteSwapped : value)
      }
    }
  }
}

/// Switches off what nifticlib prints on stderr by default; our errors are enough. Evaluated once.
private let silenced: Void = nifti_set_debug_level(0)

private func nifticlibImage(_ bytes: [UInt8], version: Int) -> UnsafeMutablePointer<nifti_image>? {
  _ = silenced
  if version == 1 {
    var header = nifti_1_header()
    withUnsafeMutableBytes(of: &header) { $0.copyBytes(from: bytes[0..<NIfTIHeader.size1]) }
    return nifti_convert_n1hdr2nim(header, nil)
  }
  var header = nifti_2_header()
  withUnsafeMutableBytes(of: &header) { $0.copyBytes(from: bytes[0..<NIfTIHeader.size2]) }
  return nifti_convert_n2hdr2nim(header, nil)
}

private func scalarName(_ code: Int) -> String {
  let names = [
    0: "untyped", 1: "bit", 32: "complex64", 128: "RGB", 1536: "float128", 1792: "complex128", 2048: "complex256", 2304: "RGBA",
  ]
  return names[code] ?? "unknown (type code \(code))"
}

/// The grid of a decoded header, in millimetres, with its closest canonical orientation.
private func fileGrid(_ image: nifti_image, path: String) throws(VolumeError) -> FileGrid {
  let scale = image.xyz_units == NIFTI_UNITS_METER ? 1000.0 : image.xyz_units == NIFTI_UNITS_MICRON ? 0.001 : 1
  var grid = FileGrid(
    dimensions: [Int(image.nx), Int(max(image.ny, 1)), Int(max(image.nz, 1))],
    pixelDimensions: [image.dx, image.dy, image.dz].map { $0.isFinite && $0 != 0 ? abs($0) * scale : 1 },
    quaternionSign: image.qfac < 0 ? -1 : 1, sformCode: max(Int(image.sform_code), 0), qformCode: max(Int(image.qform_code), 0),
    sform: rowMajor(image.sto_xyz, scale: scale), qform: rowMajor(image.qto_xyz, scale: scale), fileAxis: [2, 1, 0],
    flipped: [false, false, false])
  let affine = grid.affine
  guard affine.allSatisfy(\.isFinite), abs(determinant(affine)) > 1e-12 else {
    throw VolumeError(
      "\(path) has an orientation matrix that is singular or not finite: set its sform or qform again (for instance with fslorient or nibabel)."
    )
  }
  orientCanonically(&grid)
  return grid
}

/// Sets `fileAxis` and `flipped` so that W, H, D run closest to the patient's right, anterior and superior.
private func orientCanonically(_ grid: inout FileGrid) {
  let m = grid.affine
  let matrix = nifti_dmat44(
    m: ((m[0], m[1], m[2], m[3]), (m[4], m[5], m[6], m[7]), (m[8], m[9], m[10], m[11]), (m[12], m[13], m[14], m[15])))
  var codes: (Int32, Int32, Int32) = (0, 0, 0)
  nifti_dmat44_to_orientation(matrix, &codes.0, &codes.1, &codes.2)
  for (fileAxis, code) in [codes.0, codes.1, codes.2].enumerated() {
    // Codes 1 and 2 run along left-right, 3 and 4 posterior-anterior, 5 and 6 inferior-superior; the even ones run backwards.
    let canonicalAxis = 2 - (Int(code) - 1) / 2
    grid.fileAxis[canonicalAxis] = fileAxis
    grid.flipped[canonicalAxis] = code % 2 == 0
  }
}

private func rowMajor(_ matrix: nifti_dmat44, scale: Double) -> [Double] {
  let rows = [matrix.m.0, matrix.m.1, matrix.m.2]
  return rows.flatMap { [$0.0 * scale, $0.1 * scale, $0.2 * scale, $0.3 * scale] } + [0, 0, 0, 1]
}

private func determinant(_ m: [Double]) -> Double {
  m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) + m[2] * (m[4] * m[9] - m[5] * m[8])
}
