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
    for vector in manifest.vectors { try manifest.verify(blocks: vector.blocks.indices, of: vector, in: state) }
    return manifest.record(folder)
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
  static func readTexts(of state: String) throws(ClusterError) -> ([CheckpointTensor], [String: String]) {
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
