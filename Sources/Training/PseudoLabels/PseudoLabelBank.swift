// Labels that SAM or registration gave to whole volumes, kept beside the prepared data or in the run folder: a folder for each state of what
// made them, a small HDF5 file for each volume, which is whole or not there, so that an interrupted labelling goes on where it was. In a file, with checksums on chunks:
//   attributes format, identifier, checksum (of the prepared image); /labels and /certainty [D, H, W], a byte each: class, largest probability · 255

import Cluster
import Files
import Foundation
import HDF5
import Volumes

/// One volume's labels. Shapes [D, H, W].
package struct PseudoLabelVolume: Equatable {
  package var labels: [UInt8]
  /// The largest class probability times 255, rounded.
  package var certainty: [UInt8]
  /// Whether nothing is known of any voxel.
  package var isSilent: Bool { certainty.allSatisfy { $0 == 0 } }

  /// The label of a voxel that is none: it stands for no class.
  static let noLabel: UInt8 = 255

  /// The labels of voxels that are certain enough, `noLabel` elsewhere.
  package func labels(leastCertainty: Double) -> [UInt8] {
    let least = UInt8((leastCertainty * 255).rounded())
    return least == 0 ? labels : zip(labels, certainty).map { $1 < least ? Self.noLabel : $0 }
  }

  package init(labels: [UInt8], certainty: [UInt8]) { (self.labels, self.certainty) = (labels, certainty) }

  /// - Parameter probabilities: [D, H, W, K].
  package init(probabilities: [Float], classes: Int) {
    let voxels = probabilities.count / classes
    (labels, certainty) = ([UInt8](repeating: 0, count: voxels), [UInt8](repeating: 0, count: voxels))
    for voxel in 0..<voxels {
      let scores = probabilities[voxel * classes..<(voxel + 1) * classes], best = scores.max()!
      labels[voxel] = UInt8(scores.firstIndex(of: best)! - scores.startIndex)
      certainty[voxel] = UInt8((min(max(best, 0), 1) * 255).rounded())
    }
  }
}

package struct PseudoLabelBank {
  private static let format = "cohort-pseudo-labels/1"

  /// Stands for the state of SAM and the way it looked at volumes.
  package let key: String
  private let folder: String
  /// The folder of the run that writes here.
  private let run: String

  /// - Parameters:
  ///   - data: the prepared data; `fallback` takes the folder where that is not writable.
  package init(key: String, data: String, fallback: String) {
    (self.key, run) = (key, fallback)
    let beside = "\(data)/pseudo-labels/\(key)"
    let isBesideData = FileManager.default.fileExists(atPath: beside) || FileManager.default.isWritableFile(atPath: data)
    folder = isBesideData ? beside : "\(fallback)/pseudo-labels/\(key)"
  }

  /// A bank in a run folder, that no other run reads.
  package init(key: String, ofRun run: String) { (self.key, folder, self.run) = (key, "\(Self.folder(ofRun: run))/\(key)", run) }

  /// The folder of all banks in a run folder.
  static func folder(ofRun run: String) -> String { "\(run)/pseudo-labels" }

  package func path(_ entry: PackEntry) -> String { "\(folder)/\(entry.identifier).h5" }
  package func unfinishedPath(_ entry: PackEntry, rank: Int) -> String {
    Training.unfinishedPath(of: path(entry), run: run, rank: rank)
  }

  /// Whether the labels of a case are there and belong to its image.
  package func has(_ entry: PackEntry) -> Bool {
    let found = try? File.open(path(entry)).closing { (file) throws(H5Error) -> Bool in
      guard try file.text(attribute: "checksum", of: "/") == entry.imageChecksum else { return false }
      return try file.contains("/certainty")
    }
    return found ?? false
  }

  /// - Returns: labels of as many voxels as the case has.
  package func read(_ entry: PackEntry) throws(TrainingError) -> PseudoLabelVolume {
    let path = path(entry), extent = (0..<3).map { entry.extent[$0] }, found: PseudoLabelVolume?
    do {
      found = try File.open(path).closing { (file) throws(H5Error) -> PseudoLabelVolume? in
        guard try file.text(attribute: "format", of: "/") == Self.format,
          try file.text(attribute: "checksum", of: "/") == entry.imageChecksum
        else { return nil }
        return PseudoLabelVolume(
          labels: try file.read("/labels", extent: extent), certainty: try file.read("/certainty", extent: extent))
      }
    } catch {
      throw TrainingError(
        "there are no whole pseudo-labels of case \(entry.identifier) (\(error)): remove \(path) if it is there, and run the stage "
          + "pseudo-label again, in a new run folder."
      )
    }
    guard let found else {
      throw TrainingError("\(path) holds pseudo-labels of another image: remove it and run the stage pseudo-label again.")
    }
    return found
  }

  /// What was noted when the labels of a case were written. Error: nothing, or something else.
  func note<Note: Codable>(_ type: Note.Type, of entry: PackEntry) throws -> Note {
    let path = path(entry)
    do {
      let text = try File.open(path).closing { (file) throws(H5Error) in try file.text(attribute: "note", of: "/") }
      return try JSONDecoder().decode(Note.self, from: Data(text.utf8))
    } catch {
      throw TrainingError("\(path) does not tell how its labels were made (\(error)): remove it, so that they are made again.")
    }
  }

  /// Writes the labels of a case; they appear when they are whole.
  package func write(_ volume: PseudoLabelVolume, of entry: PackEntry, rank: Int) throws {
    try write(volume, of: entry, note: String?.none, rank: rank)
  }

  /// - Parameters:
  ///   - note: what is to be known about the labels; nil for nothing.
  ///   - rank: who writes: where lanes are more than volumes, several ranks label the same one.
  func write<Note: Codable>(_ volume: PseudoLabelVolume, of entry: PackEntry, note: Note?, rank: Int) throws {
    try makeFolder(folder)
    let path = path(entry), temporary = unfinishedPath(entry, rank: rank)
    let extent = (0..<3).map { entry.extent[$0] }, storage = Storage.chunked(extent: extent, level: 1)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let noted = try note.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    unlink(temporary)
    defer { unlink(temporary) }
    try File.create(temporary).closing { (file) throws(H5Error) in
      try file.setAttribute("format", of: "/", Self.format)
      try file.setAttribute("identifier", of: "/", entry.identifier)
      try file.setAttribute("checksum", of: "/", entry.imageChecksum)
      if let noted { try file.setAttribute("note", of: "/", noted) }
      try file.write(volume.labels, to: "/labels", extent: extent, storage: storage)
      try file.write(volume.certainty, to: "/certainty", extent: extent, storage: storage)
    }
    try synchronize(temporary)
    try moveDurably(temporary, to: path)
  }
}
