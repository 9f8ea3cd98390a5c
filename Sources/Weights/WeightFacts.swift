// What `cohort weights inspect` and `convert` do with a file.

/// What a file of weights holds.
public struct WeightFacts: Encodable, Sendable {
  public struct Array: Encodable, Sendable {
    public let name: String
    public let type: ElementType
    public let shape: [Int]
  }
  public let path: String
  public let format: WeightFile.Format
  /// The entry that the weights were found under; nil at the top level.
  public let place: String?
  public let arrays: [Array]
  public let arrayCount: Int
  /// Elements of all arrays.
  public let parameterCount: Int
  /// 16 hexadecimal digits.
  public let weightsHash: String
  /// Entries of the archive whose checksums were found right; 0 where the format has none.
  public let checksumsVerified: Int
  public let ignored: [String]
}

extension WeightFile {
  /// Reads the whole file, checksums first.
  public func facts() throws(WeightError) -> WeightFacts {
    let verified = try verify()
    let digits = String(weightsHash, radix: 16)
    return WeightFacts(
      path: path, format: format, place: place,
      arrays: entries.map { WeightFacts.Array(name: $0.name, type: $0.type, shape: $0.shape) }, arrayCount: entries.count,
      parameterCount: entries.reduce(0) { $0 + $1.count }, weightsHash: String(repeating: "0", count: 16 - digits.count) + digits,
      checksumsVerified: verified, ignored: ignored)
  }

  /// Writes the weights as safetensors, checksums first: float32, float64 rounded to it.
  /// - Parameter half: write arrays of floating-point numbers as float16, which must hold their values.
  public func convert(to path: String, half: Bool) throws(WeightError) {
    let command = "cohort weights convert"
    try Safetensors.checkOutput(path, reading: [self.path], command: command)
    try verify()
    try Safetensors.write(
      entries.map { entry in
        Safetensors.Outgoing(
          name: entry.name, shape: entry.shape, type: half && entry.type.isFloatingPoint ? .float16 : .float32
        ) { self.roundedTensor(entry) }
      }, metadata: ["command": command], to: path)
  }
}
