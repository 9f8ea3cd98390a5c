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
    let bytes = try clustered { () throws(FileError) in try readAll(path) }
    let format = try clustered { () throws(FileError) in try unseal(bytes, as: FormatOnly.self, path: path).format }
    guard [Self.format, Self.firstFormat].contains(format) else {
      throw ClusterError(
        "\(folder) has format \(format) where this version reads \(Self.format). Open it with the version that wrote it, or update Cohort.",
        isNewerFormat: true)
    }
    self = try clustered { () throws(FileError) in try unseal(bytes, as: CheckpointManifest.self, path: path) }
  }
}

/// The one field that every version of a manifest has.
private struct FormatOnly: Codable {
  var format: String
}
