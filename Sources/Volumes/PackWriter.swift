// Writes prepared cases into packs. New packs get new names and the index is replaced last, so the folder is at every moment either the old
// data set or the new one; packs that nothing refers to are deleted after that.
// Axes: D depth, H height, W width in voxels, C channels; row-major, channels last.

import Files
import Foundation
import HDF5

/// Writes one folder of packs: `add` or `keep` each case, then `finish`.
public final class PackWriter {
  private let folder: String
  private let bytesPerPack: Int
  private var index: PackIndex
  /// The entries of the folder's present index, where it was prepared with the same settings.
  private let previous: [String: PackEntry]
  private var packNumber: Int
  private var open: (name: String, cases: Int, bytes: Int)?

  /// Makes `folder` if needed. `preparation` stands for all settings that shape the arrays: cases of an earlier run are kept only if it is equal.
  ///
  /// A case never crosses packs; a new pack begins when the present one holds `bytesPerPack` bytes before compression.
  public init(
    folder: String, preparation: String, classNames: [String], channelNames: [String], bytesPerPack: Int = 1 << 30
  ) throws(VolumeError) {
    (self.folder, self.bytesPerPack) = (folder, bytesPerPack)
    index = PackIndex(preparation: preparation, classNames: classNames, channelNames: channelNames)
    do throws(FileError) { try makeFolder(folder) } catch { throw VolumeError(error.description) }
    let template = index
    let existing = (try? PackIndex(folder: folder)).flatMap { $0.matches(template) ? $0.entries : nil } ?? []
    previous = Dictionary(existing.map { ($0.identifier, $0) }, uniquingKeysWith: { first, _ in first })
    let packs = Self.packFiles(in: folder)
    for leftover in packs where leftover.hasSuffix(Self.unfinished) { unlink("\(folder)/\(leftover)") }
    packNumber = packs.compactMap { Int($0.dropFirst("pack-".count).prefix(5)) }.max().map { $0 + 1 } ?? 0
  }

  /// Takes over the case of the folder's present index if it was prepared with the same settings from the same source for the same role.
  ///
  /// - Returns: whether it did; if not, prepare the case and `add` it.
  public func keep(_ identifier: String, role: CaseRole, sourceHash: String) throws(VolumeError) -> Bool {
    guard let entry = previous[identifier], entry.role == role, entry.sourceHash == sourceHash,
      FileManager.default.fileExists(atPath: "\(folder)/\(entry.pack)")
    else { return false }
    try append(entry)
    return true
  }

  /// Writes a case. `sourceHash` stands for the content of its source files.
  public func add(_ prepared: PackedCase, sourceHash: String) throws(VolumeError) {
    if let complaint = prepared.sizeComplaint {
      throw VolumeError(
        "Case \(prepared.identifier) cannot be packed: \(complaint). This is a fault of the preparation; report it.")
    }
    if let open, open.bytes >= bytesPerPack { try closePack(open.name) }
    let pack = open ?? nextPack()
    try append(
      PackEntry(
        identifier: prepared.identifier, role: prepared.role, extent: prepared.extent, spacing: prepared.spacing,
        channels: prepared.channels, hasLabel: prepared.label != nil, frame: prepared.frame, sourceHash: sourceHash,
        pack: pack.name,
        position: pack.cases, imageChecksum: hexadecimal(checksum(of: prepared.image)),
        labelChecksum: prepared.label.map { hexadecimal(checksum(of: $0)) } ?? "",
        foregroundCount: prepared.label.map(countValues) ?? []))
    try write(prepared, into: pack)
    open = (pack.name, pack.cases + 1, pack.bytes + prepared.image.count * 4 + (prepared.label?.count ?? 0))
  }

  /// Makes the packs and the index durable and deletes packs that are no longer referred to.
  public func finish() throws(VolumeError) {
    if let open { try closePack(open.name) }
    try index.write(to: folder)
    let referred = Set(index.entries.map(\.pack))
    for pack in Self.packFiles(in: folder) where !referred.contains(pack) { unlink("\(folder)/\(pack)") }
  }

  private static let unfinished = ".tmp"

  private static func packFiles(in folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasPrefix("pack-") && ($0.hasSuffix(".h5") || $0.hasSuffix(".h5" + unfinished)) }
  }

  private func append(_ entry: PackEntry) throws(VolumeError) {
    guard index[entry.identifier] == nil else {
      throw VolumeError("Case \(entry.identifier) occurs twice. Give each case an identifier of its own.")
    }
    index.entries.append(entry)
  }

  private func nextPack() -> (name: String, cases: Int, bytes: Int) {
    let digits = String(packNumber)
    packNumber += 1
    return ("pack-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".h5", 0, 0)
  }

  private func write(_ prepared: PackedCase, into pack: (name: String, cases: Int, bytes: Int)) throws(VolumeError) {
    let path = "\(folder)/\(pack.name)\(Self.unfinished)"
    do throws(H5Error) {
      let file = pack.cases == 0 ? try File.create(path) : try File.open(path, writable: true)
      try file.closing { (file) throws(H5Error) in
        if pack.cases == 0 { try file.setAttribute("format", of: "/", PackIndex.format) }
        try file.write(prepared, at: pack.cases)
      }
    } catch { throw VolumeError(error.description) }
  }

  private func closePack(_ name: String) throws(VolumeError) {
    let path = "\(folder)/\(name)"
    do throws(FileError) {
      try synchronize(path + Self.unfinished)
      try moveDurably(path + Self.unfinished, to: path)
    } catch { throw VolumeError(error.description) }
    open = nil
  }
}

extension PackIndex {
  /// Whether the cases of both were prepared alike.
  fileprivate func matches(_ other: PackIndex) -> Bool {
    (preparation, version) == (other.preparation, other.version) && classNames == other.classNames
      && channelNames == other.channelNames
  }
}

extension File {
  /// Chunks of 32x64x64 voxels: 512 KiB of image for each channel, so a patch touches few of them.
  fileprivate func write(_ prepared: PackedCase, at position: Int) throws(H5Error) {
    let group = packGroup(position)
    let extent = [prepared.extent.depth, prepared.extent.height, prepared.extent.width]
    try createGroup(group)
    try setAttribute("identifier", of: group, prepared.identifier)
    try setAttribute("role", of: group, prepared.role.rawValue)
    try write(
      prepared.image, to: group + "/image", extent: extent + [prepared.channels],
      storage: .chunked(extent: [32, 64, 64, prepared.channels], level: 1))
    if let label = prepared.label {
      try write(label, to: group + "/label", extent: extent, storage: .chunked(extent: [32, 64, 64], level: 4))
    }
  }
}

/// The group of a case inside its pack.
func packGroup(_ position: Int) -> String { "/cases/\(position)" }

/// How often each value from 0 to the greatest occurs.
private func countValues(_ label: [UInt8]) -> [Int] {
  var counts = [Int](repeating: 0, count: 256)
  label.withUnsafeBufferPointer { label in
    counts.withUnsafeMutableBufferPointer { counts in for value in label { counts[Int(value)] += 1 } }
  }
  return Array(counts.prefix((counts.lastIndex { $0 > 0 } ?? -1) + 1))
}
