// The numbers of a NIfTI header that place its voxels in the patient, kept as the file has them, so that what is written back to its grid has
// the same numbers. Their names are the format's (https://nifti.nimh.nih.gov, nifti1.h).

/// Spacings and transforms as stored, in the unit of the file.
public struct GridHeader: Hashable, Sendable {
  /// Eight numbers: the sign of the qform's third axis (qfac), then the distance of neighbours along the file's axes.
  public var pixdim: [Double]
  /// The unit of lengths in its lowest three bits: 1 metre, 2 millimetre, 3 micrometre, 0 unknown.
  public var units: Int
  public var qformCode: Int
  public var sformCode: Int
  /// The rotation of the qform: b, c and d of a unit quaternion.
  public var quaternion: [Double]
  public var quaternionOffset: [Double]
  /// Voxel to RAS+ world, three rows of four.
  public var sform: [Double]

  public init(
    pixdim: [Double], units: Int = 2, qformCode: Int = 0, sformCode: Int = 0, quaternion: [Double] = [0, 0, 0],
    quaternionOffset: [Double] = [0, 0, 0], sform: [Double] = [Double](repeating: 0, count: 12)
  ) {
    (self.pixdim, self.units, self.qformCode, self.sformCode) = (pixdim, units, qformCode, sformCode)
    (self.quaternion, self.quaternionOffset, self.sform) = (quaternion, quaternionOffset, sform)
  }

  /// Millimetres in a unit of the file. An unknown unit is read as millimetre, as all programs do.
  var millimetres: Double { units & 7 == 1 ? 1000 : units & 7 == 3 ? 0.001 : 1 }

  /// What the file calls its unit.
  public var unitName: String {
    switch units & 7 {
    case 1: "metres"
    case 2: "millimetres"
    case 3: "micrometres"
    default: "an unknown unit, read as millimetres"
    }
  }
}

/// Written as one line of text: JSON has no word for the NaN or infinity that some headers hold, and every number must come back exactly.
extension GridHeader: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let numbers = try container.decode(String.self).split(separator: " ").compactMap { Double($0) }
    let codes = numbers.prefix(3).compactMap { Int(exactly: $0) }
    guard numbers.count == 29, codes.count == 3 else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "a grid's header has 29 numbers")
    }
    self.init(
      pixdim: Array(numbers[3..<11]), units: codes[0], qformCode: codes[1], sformCode: codes[2],
      quaternion: Array(numbers[11..<14]), quaternionOffset: Array(numbers[14..<17]), sform: Array(numbers[17..<29]))
  }

  public func encode(to encoder: any Encoder) throws {
    let numbers = [units, qformCode, sformCode].map(Double.init) + pixdim + quaternion + quaternionOffset + sform
    var container = encoder.singleValueContainer()
    try container.encode(numbers.map(\.description).joined(separator: " "))
  }
}
