// The file of embeddings beside the prepared data, so that a second run starts at once. One file for
// each pair of weights and frame; a volume's embedding is valid while the checksum of its prepared image is the same. HDF5,
// chunks with checksums:
//   /volumes/<number>            attributes identifier, checksum; dataset geometry [windows, 12] float64
//   /volumes/<number>/values     [windows, g, g, g, P] half precision, kept as the bits of int16

import Files
import Foundation
import HDF5
import Preparation

struct EmbeddingCache {
  private static let format = "cohort-embeddings/1"

  let path: String
  private let unfinished: String
  let frame: CanonicalFrame
  /// g and P.
  let grid: Int
  let channels: Int

  /// - Parameters:
  ///   - data: the prepared data; `fallback` takes the file where that has none and is not writable.
  ///   - weights: the fingerprint of the network's weights.
  init(data: String, fallback: String, weights: UInt64, frame: CanonicalFrame, grid: Int, channels: Int) {
    let name = "embeddings/" + String(weights, radix: 16) + "-\(frame.size)x\(frame.spacing)mm.h5"
    let files = FileManager.default
    let isBesideData = files.fileExists(atPath: "\(data)/\(name)") || files.isWritableFile(atPath: data)
    path = "\(isBesideData ? data : fallback)/\(name)"
    unfinished = unfinishedPath(of: path, run: fallback)
    (self.frame, self.grid, self.channels) = (frame, grid, channels)
  }

  /// The embeddings that are valid: identifiers with the checksums of their images. None where there is no file.
  ///
  /// Errors: a file that is damaged or another's.
  func read(_ wanted: [String: String]) throws -> [String: VolumeEmbedding] {
    guard FileManager.default.fileExists(atPath: path) else { return [:] }
    var found: [String: VolumeEmbedding] = [:]
    try File.open(path).closing({ $0 as any Error }) { (file) throws(any Error) in
      guard try file.text(attribute: "format", of: "/") == Self.format else { throw TrainingError("it has another format") }
      for number in 0..<(try file.integer(attribute: "volumes", of: "/")) {
        let group = "/volumes/\(number)", identifier = try file.text(attribute: "identifier", of: group)
        guard let checksum = wanted[identifier], try file.text(attribute: "checksum", of: group) == checksum else { continue }
        let windows = try file.extent(of: group + "/geometry").first ?? 0
        guard (1...4096).contains(windows) else { throw TrainingError("a volume has \(windows) windows") }
        let bits: [Int16] = try file.read(group + "/values", extent: [windows, grid, grid, grid, channels])
        let embedding = VolumeEmbedding(
          geometry: try file.read(group + "/geometry", extent: [windows, 12]), size: frame.size,
          values: bits.map { Float16(bitPattern: UInt16(bitPattern: $0)) })
        guard let embedding else { throw TrainingError("a window has no size") }
        found[identifier] = embedding
      }
    }
    return found
  }

  /// Replaces the file in one step.
  func write(_ embeddings: [(identifier: String, checksum: String, embedding: VolumeEmbedding)]) throws {
    try makeFolder(parentFolder(of: path))
    unlink(unfinished)
    defer { unlink(unfinished) }
    try File.create(unfinished).closing { (file) throws(H5Error) in
      try file.setAttribute("format", of: "/", Self.format)
      try file.setAttribute("volumes", of: "/", embeddings.count)
      for (number, entry) in embeddings.enumerated() {
        let group = "/volumes/\(number)", windows = entry.embedding.windows.count
        try file.createGroup(group)
        try file.setAttribute("identifier", of: group, entry.identifier)
        try file.setAttribute("checksum", of: group, entry.checksum)
        try file.write(
          entry.embedding.geometry, to: group + "/geometry", extent: [windows, 12],
          storage: .chunked(extent: [windows, 12], level: 1))
        try file.write(
          entry.embedding.values.map { Int16(bitPattern: $0.bitPattern) }, to: group + "/values",
          extent: [windows, grid, grid, grid, channels],
          storage: .chunked(extent: [1, grid, grid, grid, channels], level: 1))
      }
    }
    try synchronize(unfinished)
    try moveDurably(unfinished, to: path)
  }
}
