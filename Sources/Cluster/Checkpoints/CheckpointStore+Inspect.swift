// What a checkpoint holds and whether it is intact, for people and for whoever loads it.

import Files
import Foundation
import HDF5

extension CheckpointStore {
  /// Checks every byte of a checkpoint. `path` as for `locate`.
  public static func verify(path: String) throws(ClusterError) -> CheckpointRecord {
    let folder = try locate(path)
    let manifest = try CheckpointManifest(folder: folder)
    let state = "\(folder)/\(CheckpointManifest.stateName)"
    try manifest.verifyFrame(of: state)
    _ = try readTexts(of: state, manifest)
    for vector in manifest.vectors { try manifest.verify(blocks: vector.blocks.indices, of: vector, in: state) }
    return manifest.record(folder)
  }

  /// What a checkpoint holds, without reading its vectors. `path` as for `locate`.
  public static func inspect(path: String) throws(ClusterError) -> CheckpointSummary {
    let folder = try locate(path)
    let manifest = try CheckpointManifest(folder: folder)
    let state = "\(folder)/\(CheckpointManifest.stateName)"
    try manifest.verifyFrame(of: state)
    let (index, metadata) = try readTexts(of: state, manifest)
    return CheckpointSummary(
      record: manifest.record(folder), writerRanks: manifest.writerRanks,
      vectors: Dictionary(uniqueKeysWithValues: manifest.vectors.map { ($0.name, $0.count) }), index: index, metadata: metadata)
  }

  /// The index and metadata of a file whose frame was verified: HDF5 never parses damaged bytes. Its arrays must be the manifest's vectors, and the
  /// tensors of the index must lie in them.
  static func readTexts(
    of state: String, _ manifest: CheckpointManifest
  ) throws(ClusterError) -> ([CheckpointTensor], [String: String]) {
    let (index, metadata, step, foreign) = try clustered { () throws(H5Error) in
      try File.open(state).closing { (file) throws(H5Error) in
        var foreign: CheckpointManifest.Vector? = nil
        for vector in manifest.vectors {
          let name = "/vec/\(vector.name)", extent = try file.extent(of: name), offset = try file.byteOffset(of: name)
          if extent != [vector.count] || offset != vector.byteOffset { foreign = vector }
        }
        return (
          try file.text(at: "/index"), try file.text(at: "/metadata"), try file.integer(attribute: "step", of: "/"), foreign
        )
      }
    }
    guard foreign == nil, step == manifest.step else {
      let what = foreign.map { "the vector \($0.name) where its manifest says" } ?? "step \(manifest.step) but step \(step)"
      throw ClusterError("\(state) does not hold \(what): they are of two checkpoints. Use an older one.")
    }
    let tensors = try decode([CheckpointTensor].self, index, state)
    if let stray = tensors.first(where: { !$0.lies(in: manifest) }) {
      throw ClusterError("\(state) has an index in which the tensor \(stray.name) lies in no vector. Use an older checkpoint.")
    }
    return (tensors, try decode([String: String].self, metadata, state))
  }

  private static func decode<Value: Decodable>(_ type: Value.Type, _ text: String, _ state: String) throws(ClusterError) -> Value
  {
    do {
      return try JSONDecoder().decode(type, from: Data(text.utf8))
    } catch {
      throw ClusterError(
        "\(state) has an index of another version: \(decodingReason(error)). Open it with the version that wrote it.",
        isNewerFormat: true)
    }
  }
}

extension CheckpointTensor {
  /// Whether it is a part of a vector of the manifest with as many elements as its shape has.
  fileprivate func lies(in manifest: CheckpointManifest) -> Bool {
    guard let vector = manifest.vectors.first(where: { $0.name == vector }), count >= 0, offset >= 0, offset <= vector.count,
      count <= vector.count - offset
    else { return false }
    var left = count
    for size in shape {
      guard size > 0, left % size == 0 else { return false }
      left /= size
    }
    return left == 1
  }
}
