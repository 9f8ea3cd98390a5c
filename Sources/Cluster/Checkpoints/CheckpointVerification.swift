// Checking a file against its manifest by plain reads, block by block, and reading vectors into memory on the way. Any process may do it alone.

import Files

extension CheckpointManifest {
  /// Checks that `state` has the right size and that all of it outside the vectors is as it was written.
  ///
  /// Memory is taken for what the manifest says only after the file was found to have its size.
  func verifyFrame(of state: String) throws(ClusterError) {
    let bytes = try clustered { () throws(FileError) in try fileSize(state) }
    guard bytes == fileBytes else {
      throw ClusterError("\(state) is damaged: it has \(bytes) bytes instead of \(fileBytes). Use an older checkpoint.")
    }
    guard try restChecksum(of: state) == restChecksum else {
      throw ClusterError("\(state) is damaged: its header or index does not match its checksum. Use an older checkpoint.")
    }
  }

  /// The checksum of the bytes of `state` outside the vectors: a few MiB at most.
  func restChecksum(of state: String) throws(ClusterError) -> UInt64 {
    var rest: [UInt8] = []
    var start = 0
    for vector in vectors.sorted(by: { $0.byteOffset < $1.byteOffset }) {
      rest += try read(start..<vector.byteOffset, of: state)
      start = vector.byteOffset + vector.bytes
    }
    rest += try read(start..<fileBytes, of: state)
    return rest.withUnsafeBytes { checksum(of: $0) }
  }

  /// Checks blocks of one vector as they lie in `state`.
  func verify(blocks: Range<Int>, of vector: Vector, in state: String) throws(ClusterError) {
    var buffer = [UInt8](repeating: 0, count: blockBytes)
    var file = try clustered { () throws(FileError) in try ReadableFile(state) }
    for block in blocks {
      try buffer.withUnsafeMutableBufferPointer { (buffer) throws(ClusterError) in
        try read(block, of: vector, from: &file, state, into: UnsafeMutableRawBufferPointer(buffer))
      }
    }
  }

  /// Reads one vector whole to `place` and checks it, block by block while each is in the cache.
  func readVerified(_ vector: Vector, from state: String, into place: UnsafeMutableBufferPointer<Float>) throws(ClusterError) {
    var file = try clustered { () throws(FileError) in try ReadableFile(state) }
    let bytes = UnsafeMutableRawBufferPointer(place)
    for block in vector.blocks.indices {
      try read(
        block, of: vector, from: &file, state, into: UnsafeMutableRawBufferPointer(rebasing: bytes[(block * blockBytes)...]))
    }
  }

  /// Reads one block to the beginning of `buffer` and checks it.
  private func read(
    _ block: Int, of vector: Vector, from file: inout ReadableFile, _ state: String, into buffer: UnsafeMutableRawBufferPointer
  ) throws(ClusterError) {
    let place = place(ofBlocks: block..<block + 1, of: vector)
    let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<place.count])
    do throws(FileError) { try file.read(from: place.lowerBound, into: bytes) } catch { throw ClusterError(error.description) }
    guard checksum(of: UnsafeRawBufferPointer(bytes)) == vector.blocks[block] else {
      throw ClusterError(
        "\(state) is damaged: block \(block + 1) of \(vector.blocks.count) of \(vector.name) does not match its checksum. "
          + "Use an older checkpoint.")
    }
  }

  private func read(_ range: Range<Int>, of state: String) throws(ClusterError) -> [UInt8] {
    try clustered { () throws(FileError) in try readRange(of: state, from: range.lowerBound, count: range.count) }
  }
}
