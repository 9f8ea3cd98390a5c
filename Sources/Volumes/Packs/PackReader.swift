// Reads prepared cases from packs, each checked against its checksum. Any thread of any rank may read at any time, independently of the others.
// Axes: D depth, H height, W width in voxels, C channels; row-major, channels last.

import Files
import HDF5

/// A folder of packs, open for reading: `cohort prepare` may replace them meanwhile, and those of this index stay.
public struct PackReader: Sendable {
  public let folder: String
  public let index: PackIndex
  private let entries: [String: PackEntry]
  private let presence: PackReaders?

  public init(folder: String) throws(VolumeError) {
    self.folder = folder
    // Before the index is read, so that its packs cannot go in between.
    presence = PackReaders(entering: folder)
    index = try PackIndex(folder: folder)
    entries = Dictionary(index.entries.map { ($0.identifier, $0) }) { first, _ in first }
  }

  /// Reads one case and verifies its checksums.
  public func read(_ identifier: String) throws(VolumeError) -> PackedCase {
    guard let entry = entries[identifier] else {
      throw VolumeError(
        "There is no case \(identifier) in \(folder)/\(PackIndex.fileName). Check the identifier, or prepare the data again.")
    }
    let (image, label, inside) = try readArrays(entry)
    guard hexadecimal(checksum(of: image)) == entry.imageChecksum else { throw damage(entry, "image") }
    if let label, hexadecimal(checksum(of: label)) != entry.labelChecksum { throw damage(entry, "label") }
    if let inside, hexadecimal(checksum(of: inside)) != entry.insideChecksum { throw damage(entry, "object") }
    return PackedCase(
      identifier: entry.identifier, role: entry.role, extent: entry.extent, spacing: entry.spacing, channels: entry.channels,
      image: image, label: label, inside: inside, frame: entry.frame)
  }

  /// Reads every case; the first damaged one is an error.
  public func verify() throws(VolumeError) {
    for entry in index.entries { _ = try read(entry.identifier) }
  }

  /// - Returns: image [D, H, W, C], label and object [D, H, W].
  private func readArrays(_ entry: PackEntry) throws(VolumeError) -> (image: [Float], label: [UInt8]?, inside: [UInt8]?) {
    let path = "\(folder)/\(entry.pack)", extent = [entry.extent.depth, entry.extent.height, entry.extent.width]
    let bytes = entry.extent.count * (4 * entry.channels + (entry.hasLabel ? 1 : 0) + (entry.insideChecksum == nil ? 0 : 1))
    do {
      // A pack that is a pipe would be waited for, and one that a forger made of zeros can promise more than its bytes can hold.
      guard bytes / largestGrowth <= (try fileSize(path)) else { throw damage(entry, "image") }
      if let shortage = FreeMemory.shortage(of: bytes, for: "it") { throw VolumeError("\(shortage): free some memory.") }
      return try File.open(path).closing { (file) throws(H5Error) in
        let image: [Float] = try file.read("/image", extent: extent + [entry.channels])
        let label: [UInt8]? = entry.hasLabel ? try file.read("/label", extent: extent) : nil
        let inside: [UInt8]? = entry.insideChecksum == nil ? nil : try file.read("/inside", extent: extent)
        return (image, label, inside)
      }
    } catch let error as VolumeError {
      throw VolumeError("Case \(entry.identifier) in \(path) cannot be read: \(error.description)")
    } catch {
      throw VolumeError(
        "Case \(entry.identifier) cannot be read: \(error) If the pack is damaged, delete it and prepare again.")
    }
  }

  private func damage(_ entry: PackEntry, _ array: String) -> VolumeError {
    VolumeError(
      "The \(array) of case \(entry.identifier) in \(folder)/\(entry.pack) is damaged: its checksum does not match. "
        + "Delete the pack and prepare again.")
  }
}

/// Deflate makes bytes at most so many times more.
private let largestGrowth = 1032
