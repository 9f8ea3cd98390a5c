// The labelled volumes that a network was trained on, as its checkpoint names them, and the volumes themselves.

import Cluster
import Foundation
import Volumes

/// Where the labelled volumes of a run lie, and what they were.
struct LabelledRecord: Sendable {
  /// The packs that the stage of the checkpoint was trained on.
  let folder: String
  /// Identifier and checksums of the arrays, sorted.
  let cases: [(identifier: String, image: String, label: String)]

  /// Nil where a checkpoint names no labelled volume, as those of earlier versions.
  init?(metadata: [String: String]) throws {
    guard let record = metadata[MethodWork.dataKey].flatMap({ DataRecord(text: $0) }), !record.labelled.isEmpty,
      let yaml = metadata["configuration"]
    else { return nil }
    let stages = try RunConfiguration(yaml: yaml, source: "the checkpoint's configuration").stages
    let number = metadata["stage"].flatMap { Int($0) } ?? 0
    guard stages.indices.contains(number) else { return nil }
    (folder, cases) = (stages[number].configuration.data, record.labelled)
  }

  /// Opens the packs. Errors: they are not there, or hold other volumes than the run had.
  func reader(for checkpoint: String) throws -> PackReader {
    let reader: PackReader
    do throws(VolumeError) { reader = try PackReader(folder: folder) } catch {
      throw TrainingError("--quality needs the volumes that \(checkpoint) was trained on: \(error)")
    }
    for item in cases {
      guard let entry = reader.index[item.identifier], entry.imageChecksum == item.image, entry.labelChecksum == item.label else {
        throw TrainingError(
          "--quality needs the volumes that \(checkpoint) was trained on, but \(folder) no longer holds \(item.identifier) as it was: prepare the former data again."
        )
      }
    }
    return reader
  }
}
