// What a reader must know of a NIfTI-1 or NIfTI-2 file before it reads the voxels, checked before anything is allocated.
// Format: https://nifti.nimh.nih.gov (nifti1.h, nifti2.h). File axes x (fastest), y, z.

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
  /// Volumes along a fourth axis, one after the other.
  var volumes: Int
  var scalar: ScalarType
  /// Whether the file's byte order is not this machine's.
  var isSwapped: Bool
  /// Whether the voxels are in a file of their own (the .img of a pair).
  var isPair: Bool
  /// The offset of the voxels, bytes from the start of the (uncompressed) file that holds them.
  var dataOffset: Int
  /// value = slope * stored + intercept.
  var slope, intercept: Double

  static let size1 = 348
  static let size2 = 540

  /// Decodes the first bytes of a file: 540 of them, or 348 when the file has no more.
  init(_ bytes: [UInt8], path: String) throws(VolumeError) {
    guard bytes.count >= Self.size1 else {
      throw VolumeError("\(path) is not a NIfTI file, it has only \(bytes.count) bytes: give a .nii or .nii.gz file.")
    }
    let signature = try NIfTISignature(bytes, path: path)
    let fields = NIfTIFields(bytes, signature)
    (isSwapped, isPair) = (signature.isSwapped, signature.isPair)
    let dimensions: [Int]
    (dimensions, volumes) = try fields.checkedDimensions(path)
    guard let scalar = ScalarType(rawValue: fields.type) else {
      throw VolumeError(
        "\(path) holds \(scalarName(fields.type)) voxels, which are not supported: convert it to a real scalar type such as float32."
      )
    }
    self.scalar = scalar
    let first = isPair ? 0 : signature.version == 1 ? 352 : 544
    guard (0...Double(1 << 26)).contains(fields.offset) else {
      throw VolumeError(
        "\(path) has a damaged header, its voxels begin at byte \(fields.offset): copy or convert the file again.")
    }
    dataOffset = max(Int(fields.offset), first)
    let scales = fields.slope.isFinite && fields.slope != 0
    (slope, intercept) = (scales ? fields.slope : 1, scales && fields.intercept.isFinite ? fields.intercept : 0)
    grid = try FileGrid(dimensions: dimensions, header: fields.gridHeader, path: path)
  }
}

/// The version, byte order and kind of a file, from the size field and magic of its header.
struct NIfTISignature {
  let version: Int
  let isSwapped: Bool
  let isPair: Bool

  init(_ bytes: [UInt8], path: String) throws(VolumeError) {
    let stored = bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
    isSwapped = [NIfTIHeader.size1, NIfTIHeader.size2].contains(Int(stored.byteSwapped))
    let size = Int(isSwapped ? stored.byteSwapped : stored)
    version = size == NIfTIHeader.size2 ? 2 : 1
    let magic = version == 1 ? bytes[344..<348] : bytes[4..<8]
    isPair = magic.elementsEqual("ni\(version)\0".utf8)
    let isOne = isPair || magic.elementsEqual("n+\(version)\0".utf8)
    if size == NIfTIHeader.size1, !isOne {
      throw VolumeError("\(path) is not a NIfTI file (perhaps Analyze 7.5): convert it to .nii.gz.")
    }
    guard isOne, size == NIfTIHeader.size1 || size == NIfTIHeader.size2 && bytes.count >= size else {
      throw VolumeError("\(path) is not a NIfTI file: give a .nii or .nii.gz file, or convert it to one.")
    }
  }
}

private func scalarName(_ code: Int) -> String {
  let names = [
    0: "untyped", 1: "bit", 32: "complex64", 128: "RGB", 1536: "float128", 1792: "complex128", 2048: "complex256", 2304: "RGBA",
  ]
  return names[code] ?? "unknown (type code \(code))"
}
