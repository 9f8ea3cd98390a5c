// Checking a checkpoint against its manifest by plain reads, block by block, and reading it into memory on the way. Any process may do it alone.

import Files
import Foundation
import HDF5

extension CheckpointManifest {
  /// Checks that `state` has the right size and that all of it outside the vectors is as it was written.
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

extension CheckpointState {
  /// Adds a vector that `fill` writes whole: to its place if that has its length, else to an array.
  mutating func add(
    _ name: String, count: Int, _ places: VectorPlaces,
    _ fill: (UnsafeMutableBufferPointer<Float>) throws(ClusterError) -> Void
  ) throws(ClusterError) {
    if let place = places[name], place.count == count {
      try fill(place)
      placed.insert(name)
    } else {
      vectors.append((name, try largeArray(count: count, fill)))
    }
  }
}

/// An array that `fill` writes whole, in large pages where the system has them: page by page, memory comes slower than the file is read.
private func largeArray(
  count: Int, _ fill: (UnsafeMutableBufferPointer<Float>) throws(ClusterError) -> Void
) throws(ClusterError) -> [Float] {
  var failure: ClusterError? = nil
  let values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
    let page = 2 << 20, start = UInt(bitPattern: buffer.baseAddress!), first = (start + UInt(page) - 1) / UInt(page) * UInt(page)
    let end = start + UInt(count * MemoryLayout<Float>.stride)
    if first < end { madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_HUGEPAGE) }
    do throws(ClusterError) {
      try fill(UnsafeMutableBufferPointer(start: buffer.baseAddress, count: count))
      filled = count
    } catch { failure = error }
  }
  if let failure { throw failure }
  return values
}

extension CheckpointStore {
  /// Checks every byte of a checkpoint. `path` as for `locate`.
  public static func verify(path: String) throws(ClusterError) -> CheckpointRecord {
    let folder = try locate(path)
    let manifest = try CheckpointManifest(folder: folder)
    let state = "\(folder)/\(CheckpointManifest.stateName)"
    try manifest.verifyFrame(of: state)
    for vector in manifest.vectors { try manifest.verify(blocks: vector.blocks.indices, of: vector, in: state) }
    return manifest.record(folder)
  }

  /// Reads a checkpoint and checks every byte of it. `path` as for `locate`.
  ///
  /// A vector whose place has its length is read to there: memory that is in use already takes half the time of fresh memory, which the
  /// system has to clear. If this throws, what lies in the places is undefined.
  public static func load(path: String, into places: VectorPlaces = [:]) throws(ClusterError) -> CheckpointState {
    let folder = try locate(path)
    let manifest = try CheckpointManifest(folder: folder)
    let state = "\(folder)/\(CheckpointManifest.stateName)"
    try manifest.verifyFrame(of: state)
    let (index, metadata) = try readTexts(of: state)
    var loaded = CheckpointState(step: manifest.step, vectors: [], index: index, metadata: metadata)
    for vector in manifest.vectors {
      try loaded.add(vector.name, count: vector.count, places) { (place) throws(ClusterError) in
        try manifest.readVerified(vector, from: state, into: place)
      }
    }
    return loaded
  }

  /// What a checkpoint holds, without reading its vectors. `path` as for `locate`.
  public static func inspect(path: String) throws(ClusterError) -> CheckpointSummary {
    let folder = try locate(path)
    let manifest = try CheckpointManifest(folder: folder)
    let state = "\(folder)/\(CheckpointManifest.stateName)"
    try manifest.verifyFrame(of: state)
    let (index, metadata) = try readTexts(of: state)
    return CheckpointSummary(
      record: manifest.record(folder), writerRanks: manifest.writerRanks,
      vectors: Dictionary(uniqueKeysWithValues: manifest.vectors.map { ($0.name, $0.count) }), index: index, metadata: metadata)
  }

  /// The index and metadata of a file whose frame was verified: HDF5 never parses damaged bytes.
  private static func readTexts(of state: String) throws(ClusterError) -> ([CheckpointTensor], [String: String]) {
    let texts = try clustered { () throws(H5Error) in
      try File.open(state).closing { (file) throws(H5Error) in (try file.text(at: "/index"), try file.text(at: "/metadata")) }
    }
    return (try decode([CheckpointTensor].self, texts.0, state), try decode([String: String].self, texts.1, state))
  }

  private static func decode<Value: Decodable>(_ type: Value.Type, _ text: String, _ state: String) throws(ClusterError) -> Value
  {
    do {
      return try JSONDecoder().decode(type, from: Data(text.utf8))
    } catch {
      throw ClusterError(
        "\(state) has an index of another version: \(error). Open it with the version that wrote it.", isNewerFormat: true)
    }
  }
}
