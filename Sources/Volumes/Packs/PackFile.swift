// A pack: the HDF5 file of one prepared case, with an index of its own, so that a case that was finished is known again even if the preparation
// of the others was cut off. Axes: D depth, H height, W width in voxels, C channels; row-major, channels last.

import Files
import Foundation
import HDF5

/// Where new packs go. Several processes may write at the same time, each packs of its own numbers.
public struct PackSite: Codable, Sendable {
  let folder: String
  /// What all cases have in common.
  let common: PackIndex
  /// The folder of packs that are not whole yet, inside that of the packs.
  static let unfinished = "packs.unfinished"

  /// Writes a case as the pack of a number that no other has; the pack appears under its name when it is whole and on the disk.
  ///
  /// - Parameter sourceHash: stands for the content of its source files.
  public func write(
    _ prepared: PackedCase, intensities: [ChannelIntensity], number: Int, sourceHash: String
  ) throws(VolumeError) -> PackEntry {
    if let complaint = prepared.sizeComplaint {
      throw VolumeError(
        "Case \(prepared.identifier) cannot be packed: \(complaint). This is a fault of the preparation; report it.")
    }
    let entry = PackEntry(prepared, intensities: intensities, sourceHash: sourceHash, pack: PackName.text(number))
    var own = common
    own.entries = [entry]
    let path = "\(folder)/\(Self.unfinished)/\(entry.pack)"
    do {
      let record = try seal(own)
      try File.create(path).closing { (file) throws(H5Error) in try file.write(prepared, record: record) }
      try synchronize(path)
      try moveDurably(path, to: "\(folder)/\(entry.pack)")
    } catch {
      unlink(path)
      // The library's words end with those of the system.
      let reason = (error as? H5Error)?.reason.components(separatedBy: ": ").last ?? "\(error)"
      throw VolumeError(
        "Case \(prepared.identifier) cannot be written into \(folder) (\(reason)): make sure that there is space left and that you may write there, and prepare again, which keeps what was made."
      )
    }
    return entry
  }
}

/// The entry of a finished pack and what it has in common with others; nil for a file that is no whole pack.
func readPackRecord(_ path: String) -> PackIndex? {
  guard let bytes = try? fileSize(path) else { return nil }
  let record = try? File.open(path).closing { (file) throws(H5Error) -> [UInt8]? in
    let extent = try file.extent(of: recordName)
    return extent.count == 1 && extent[0] <= bytes ? try file.read(recordName, extent: extent) : nil
  }
  guard let record = record ?? nil, let index = try? PackIndex(sealed: record, path: path), index.entries.count == 1 else {
    return nil
  }
  return index.entries[0].pack == lastName(of: path) ? index : nil
}

private let recordName = "/index"

extension File {
  /// Chunks of 32x64x64 voxels: 512 KiB of image for each channel, so a patch touches few of them.
  fileprivate func write(_ prepared: PackedCase, record: [UInt8]) throws(H5Error) {
    let extent = [prepared.extent.depth, prepared.extent.height, prepared.extent.width]
    try setAttribute("format", of: "/", PackIndex.format)
    try write(record, to: recordName, extent: [record.count])
    try write(
      prepared.image, to: "/image", extent: extent + [prepared.channels],
      storage: .chunked(extent: [32, 64, 64, prepared.channels], level: 1))
    for (name, array) in [("/label", prepared.label), ("/inside", prepared.inside)] {
      if let array { try write(array, to: name, extent: extent, storage: .chunked(extent: [32, 64, 64], level: 4)) }
    }
  }
}

extension PackEntry {
  fileprivate init(_ prepared: PackedCase, intensities: [ChannelIntensity], sourceHash: String, pack: String) {
    (identifier, role) = (prepared.identifier, prepared.role)
    (extent, spacing, channels) = (prepared.extent, prepared.spacing, prepared.channels)
    (hasLabel, frame) = (prepared.label != nil, prepared.frame)
    (self.intensities, self.sourceHash, self.pack) = (intensities, sourceHash, pack)
    imageChecksum = hexadecimal(checksum(of: prepared.image))
    insideChecksum = prepared.inside.map { hexadecimal(checksum(of: $0)) }
    labelChecksum = prepared.label.map { hexadecimal(checksum(of: $0)) } ?? ""
    foregroundCount = prepared.label.map(countValues) ?? []
  }
}

/// How often each value from 0 to the greatest occurs.
private func countValues(_ label: [UInt8]) -> [Int] {
  var counts = [Int](repeating: 0, count: 256)
  label.withUnsafeBufferPointer { label in
    counts.withUnsafeMutableBufferPointer { counts in for value in label { counts[Int(value)] += 1 } }
  }
  return Array(counts.prefix((counts.lastIndex { $0 > 0 } ?? -1) + 1))
}
