// The manifest of a checkpoint: how large `state.h5` is, where its vectors lie and the checksum of every block of them and of all bytes between them.
// A folder is a checkpoint if and only if its manifest validates. Contiguous HDF5 arrays carry no
// checksums, so these do; they need no HDF5 to be checked.

import Files

struct CheckpointManifest: Codable {
  /// Checksums are XXH64; in format 1, which is still read, they are CRC-32.
  static let format = "cohort-checkpoint/2"
  static let firstFormat = "cohort-checkpoint/1"
  static let fileName = "manifest.json"
  static let stateName = "state.h5"

  /// A vector as it lies in the file.
  struct Vector: Codable {
    var name: String
    /// Elements (Float, little-endian).
    var count: Int
    var byteOffset: Int
    /// The checksum of each block; the last block may be short.
    var blocks: [UInt64]

    var bytes: Int { count * MemoryLayout<Float>.stride }
  }

  var format = Self.format
  var step: Int
  var created: String
  /// How many ranks wrote values: all of the job, or 1.
  var writerRanks: Int
  var blockBytes = 1 << 20
  var vectors: [Vector]
  /// The size of `state.h5`.
  var fileBytes = 0
  /// The checksum of all bytes of `state.h5` outside the vectors, in file order.
  var restChecksum: UInt64 = 0

  /// The number of blocks of a vector of `count` elements.
  func blockCount(_ count: Int) -> Int { (count * MemoryLayout<Float>.stride + blockBytes - 1) / blockBytes }

  /// The place of blocks of a vector in the file, in bytes.
  func place(ofBlocks blocks: Range<Int>, of vector: Vector) -> Range<Int> {
    vector.byteOffset + blocks.lowerBound * blockBytes..<vector.byteOffset + min(blocks.upperBound * blockBytes, vector.bytes)
  }

  /// The elements of some blocks of a vector.
  func elements(ofBlocks blocks: Range<Int>, in vector: Vector) -> Range<Int> {
    let elementsPerBlock = blockBytes / MemoryLayout<Float>.stride
    return min(blocks.lowerBound * elementsPerBlock, vector.count)..<min(blocks.upperBound * elementsPerBlock, vector.count)
  }

  /// The checksum of one block, or of the bytes outside the vectors.
  func checksum(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    format == Self.firstFormat ? UInt64(Files.checksum(of: bytes)) : xxh64(of: bytes)
  }

  init(step: Int, created: String, writerRanks: Int, vectors: [Vector]) {
    (self.step, self.created, self.writerRanks, self.vectors) = (step, created, writerRanks, vectors)
  }

  /// Reads the manifest of a step's folder.
  init(folder: String) throws(ClusterError) {
    let path = "\(folder)/\(Self.fileName)"
    let bytes = try clustered { () throws(FileError) in try readAll(path, atMost: Self.mostBytes) }
    let format = try clustered { () throws(FileError) in try unseal(bytes, as: FormatOnly.self, path: path).format }
    guard [Self.format, Self.firstFormat].contains(format) else {
      throw ClusterError(
        "\(folder) has format \(format) where this version reads \(Self.format). Open it with the version that wrote it, or update Cohort.",
        isNewerFormat: true)
    }
    self = try clustered { () throws(FileError) in try unseal(bytes, as: CheckpointManifest.self, path: path) }
    if let problem { throw ClusterError("\(path) describes no checkpoint: \(problem). Use an older checkpoint.") }
  }

  /// The most bytes that a manifest is read with: enough for a state of a terabyte.
  private static let mostBytes = 1 << 28
  private static let mostRanks = 1 << 24
  /// The most bytes outside of the vectors, which are read at once.
  private static let mostRestBytes = 1 << 30

  /// What keeps the numbers from being those of a file that holds its vectors one after the other, each with the checksums of all of its blocks; nil
  /// where nothing does. Its own checksum says that a manifest is undamaged, not that it is true.
  private var problem: String? {
    guard step >= 0, 1...Self.mostRanks ~= writerRanks, fileBytes >= 0 else {
      return "it is of step \(step), \(writerRanks) ranks and \(fileBytes) bytes"
    }
    let element = MemoryLayout<Float>.stride
    guard element...1 << 30 ~= blockBytes, blockBytes % element == 0 else { return "its blocks have \(blockBytes) bytes" }
    var end = 0
    for vector in vectors.sorted(by: { $0.byteOffset < $1.byteOffset }) {
      guard vector.count > 0, vector.count <= fileBytes / element, vector.byteOffset >= end,
        vector.byteOffset <= fileBytes - vector.bytes
      else {
        return
          "its vector \(vector.name) of \(vector.count) values at byte \(vector.byteOffset) has no place of its own in the file"
      }
      guard vector.blocks.count == blockCount(vector.count) else {
        return "its vector \(vector.name) has \(vector.blocks.count) checksums for \(blockCount(vector.count)) blocks"
      }
      end = vector.byteOffset + vector.bytes
    }
    guard fileBytes - vectors.reduce(0, { $0 + $1.bytes }) <= Self.mostRestBytes else {
      return "\(fileBytes) bytes hold few vectors"
    }
    let names = Set(vectors.map(\.name))
    guard names.count == vectors.count, names.allSatisfy({ !$0.isEmpty && !$0.contains("/") }) else {
      return "the names of its vectors are not all different"
    }
    return nil
  }
}

/// The one field that every version of a manifest has.
private struct FormatOnly: Codable {
  var format: String
}
