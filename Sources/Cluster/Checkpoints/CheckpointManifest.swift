// The manifest of a checkpoint: how large `state.h5` is, where its vectors lie and the checksum of every block of them and of all bytes between them.
// A folder is a checkpoint if and only if its manifest validates (shared/spec/distributed.md 4.5 and 5.1). Contiguous HDF5 arrays carry no
// checksums, so these do; they need no HDF5 to be checked.

import Files

struct CheckpointManifest: Codable {
  static let format = "cohort-checkpoint/1"
  static let fileName = "manifest.json"
  static let stateName = "state.h5"

  /// A vector as it lies in the file.
  struct Vector: Codable {
    var name: String
    /// Elements (Float, little-endian).
    var count: Int
    var byteOffset: Int
    /// CRC-32 of each block; the last block may be short.
    var blocks: [UInt32]

    var bytes: Int { count * MemoryLayout<Float>.stride }
  }

  var format = Self.format
  var step: Int
  var created: String
  var writerRanks: Int
  var blockBytes = 1 << 20
  var vectors: [Vector]
  /// Of `state.h5`.
  var fileBytes = 0
  /// CRC-32 of all bytes of `state.h5` outside the vectors, in file order.
  var restChecksum: UInt32 = 0

  /// The number of blocks of a vector of `count` elements.
  func blockCount(_ count: Int) -> Int { (count * MemoryLayout<Float>.stride + blockBytes - 1) / blockBytes }

  /// The bytes of block `block` within its vector.
  func byteRange(ofBlock block: Int, in vector: Vector) -> Range<Int> {
    block * blockBytes..<min((block + 1) * blockBytes, vector.bytes)
  }

  /// The elements of the blocks that part `part` of `parts` writes: whole blocks, so that no two ranks touch the same one.
  func elements(part: Int, of parts: Int, in vector: Vector) -> Range<Int> {
    let blocks = evenRun(of: blockCount(vector.count), part: part, of: parts)
    let elementsPerBlock = blockBytes / MemoryLayout<Float>.stride
    return min(blocks.lowerBound * elementsPerBlock, vector.count)..<min(blocks.upperBound * elementsPerBlock, vector.count)
  }

  /// The CRC-32 of each block that part `part` of `parts` writes; zero for the blocks of the others.
  func blockSums(of values: [Float], part: Int, of parts: Int) -> [Int64] {
    var sums = [Int64](repeating: 0, count: blockCount(values.count))
    values.withUnsafeBytes { bytes in
      for block in evenRun(of: sums.count, part: part, of: parts) {
        let range = block * blockBytes..<min((block + 1) * blockBytes, bytes.count)
        sums[block] = Int64(checksum(of: UnsafeRawBufferPointer(rebasing: bytes[range])))
      }
    }
    return sums
  }

  init(step: Int, created: String, writerRanks: Int, vectors: [Vector]) {
    (self.step, self.created, self.writerRanks, self.vectors) = (step, created, writerRanks, vectors)
  }

  /// Reads the manifest of a step's folder.
  init(folder: String) throws(ClusterError) {
    let path = "\(folder)/\(Self.fileName)"
    let bytes = try clustered { () throws(FileError) in try readAll(path) }
    let format = try clustered { () throws(FileError) in try unseal(bytes, as: FormatOnly.self, path: path).format }
    guard format == Self.format else {
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
