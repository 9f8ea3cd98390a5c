// Writes the packs of a data set into a folder. New packs get new names and the index is replaced last, so the folder is at every moment either the
// old data set or the new one. Nothing is overwritten or deleted but packs that an index of this data set names, and those only when nobody reads them.

import Files
import Foundation

/// The one writer of a folder of packs: takes over cases with `kept`, makes others at its `site`, lists them with `append`, and puts the index in
/// place with `finish`.
public final class PackWriter {
  private let folder: String
  private let lock: FileLock
  /// The folder's present index.
  private let previous: PackIndex?
  /// Packs of this data set that no index lists, by the name of their case: a preparation that was cut off had finished them.
  private let finished: [String: PackIndex]
  /// All packs of this data set that the present index does not list.
  private let unlisted: [String]
  /// The index that is being made.
  public private(set) var index: PackIndex
  private var nextNumber: Int

  /// Makes `folder` if needed and locks it against other writers.
  ///
  /// - Parameters:
  ///   - preparation: stands for all settings that shape the arrays: cases of an earlier run are kept only if it is equal.
  ///   - dataset: the folder of the data set.
  ///   - waiting: gets a sentence where it cannot be known whether another writer still lives.
  /// - Throws: the folder is being written, or holds the packs of another data set or something else by the names of this one's files.
  public init(
    folder: String, preparation: String, labels: LabelMeaning, channelNames: [String], dataset: String = "",
    waiting: (String) -> Void = { _ in }
  ) throws(VolumeError) {
    self.folder = folder
    let common = PackIndex(
      preparation: preparation, labels: labels, channelNames: channelNames,
      dataset: dataset.isEmpty ? "" : realPath(dataset))
    index = common
    let lockPath = "\(folder)/packs.lock", isLockNew = !FileManager.default.fileExists(atPath: lockPath)
    do throws(FileError) {
      try makeFolder(folder)
      try refuseLinks(in: folder)
      lock = try FileLock(lockPath, waiting: waiting)
    } catch { throw VolumeError(error.description) }
    do throws(VolumeError) {
      previous = try Self.previousIndex(of: folder, for: common.dataset)
      try PackReaders.prepare(folder)
      try Self.makeUnfinishedFolder(in: folder)
    } catch {
      lock.release(removing: isLockNew)
      throw error
    }
    let listed = Set(previous?.entries.map(\.pack) ?? []),
      names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let records = names.filter { PackName.number($0) != nil && !listed.contains($0) }.sorted()
      .compactMap { readPackRecord("\(folder)/\($0)") }.filter { $0.dataset == common.dataset }
    // Of several packs of a case the newest counts.
    finished = Dictionary(records.map { ($0.entries[0].identifier, $0) }) { $1 }
    unlisted = records.map { $0.entries[0].pack }
    nextNumber = ((names + Array(listed)).compactMap(PackName.number).max() ?? -1) + 1
  }

  deinit { lock.release() }

  /// Where this process and others write packs of numbers that `reserve` has given.
  public var site: PackSite {
    var common = index
    common.entries = []
    return PackSite(folder: folder, common: common)
  }

  /// The number of a new pack.
  public func reserve() -> Int {
    defer { nextNumber += 1 }
    return nextNumber
  }

  /// Refuses a folder whose packs cannot be told to be those of this data set: it lies elsewhere than when they were made, and no case is as it was.
  ///
  /// - Parameter sourceHashes: those of the data set's cases, by identifier.
  public func requireSameDataset(_ sourceHashes: [String: String]) throws(VolumeError) {
    guard let previous, previous.dataset != index.dataset, !previous.entries.isEmpty,
      !previous.entries.contains(where: { sourceHashes[$0.identifier] == $0.sourceHash })
    else { return }
    throw foreign(folder, previous.dataset, index.dataset)
  }

  /// The entry of a case that was prepared with the same settings from the same source for the same role; if nil, make the case.
  public func kept(_ identifier: String, role: CaseRole, sourceHash: String) -> PackEntry? {
    let candidates = [
      previous.flatMap { old in old[identifier].map { (old, $0) } }, finished[identifier].map { ($0, $0.entries[0]) },
    ]
    return candidates.compactMap { $0 }.first { old, entry in
      old.matches(index) && entry.role == role && entry.sourceHash == sourceHash && isPlainFile("\(folder)/\(entry.pack)")
    }?.1
  }

  /// Puts a case into the index that is being made.
  public func append(_ entry: PackEntry) throws(VolumeError) {
    guard index[entry.identifier] == nil else {
      throw VolumeError("Case \(entry.identifier) occurs twice. Give each case an identifier of its own.")
    }
    index.entries.append(entry)
  }

  /// Writes a case as a pack of its own and lists it.
  public func add(_ prepared: PackedCase, intensities: [ChannelIntensity], sourceHash: String) throws(VolumeError) {
    try append(try site.write(prepared, intensities: intensities, number: reserve(), sourceHash: sourceHash))
  }

  /// Cases of the folder's index at the start that are not among those of the new one, nor missing there.
  public var removed: [String] {
    let present = Set(index.entries.map(\.identifier) + index.omitted.map(\.identifier))
    return previous?.entries.map(\.identifier).filter { !present.contains($0) } ?? []
  }

  /// Puts the index in place and deletes packs that it has replaced, unless somebody reads the folder or a case is missing: then they stay, and so
  /// does the chance to take them over. An index that would be the same is not written.
  ///
  /// - Returns: the number of replaced packs that stay.
  public func finish(omitted: [OmittedCase] = []) throws(VolumeError) -> Int {
    let current = Set(index.entries.map(\.pack))
    let old = (previous?.entries.map(\.pack) ?? []) + (previous?.replaced ?? []) + unlisted
    index.omitted = omitted
    index.replaced = Set(old).subtracting(current).filter { isPlainFile("\(folder)/\($0)") }.sorted()
    var unchanged = previous
    unchanged?.replaced = index.replaced
    guard lock.isHeld else {
      throw VolumeError(
        "\(folder)/packs.lock was moved, removed or taken over while the packs were made: prepare the data again.")
    }
    if unchanged != index { try index.write(to: folder) }
    rmdir("\(folder)/\(PackSite.unfinished)")
    guard omitted.isEmpty, !index.replaced.isEmpty else { return index.replaced.count }
    let isDone = PackReaders.whileAbsent(from: folder) { for pack in index.replaced { unlink("\(folder)/\(pack)") } }
    return isDone ? 0 : index.replaced.count
  }

  /// The folder's index, if it is one of this data set. A data set that is still where its packs were made from is another one than that elsewhere.
  private static func previousIndex(of folder: String, for dataset: String) throws(VolumeError) -> PackIndex? {
    guard FileManager.default.fileExists(atPath: "\(folder)/\(PackIndex.fileName)") else { return nil }
    let found = try PackIndex(folder: folder)
    let isElsewhere = found.dataset != dataset && FileManager.default.fileExists(atPath: "\(found.dataset)/dataset.json")
    if isElsewhere, !isSamePlace(found.dataset, dataset) { throw foreign(folder, found.dataset, dataset) }
    return found
  }

  /// The folder for packs that are not whole; those of a preparation that was cut off go.
  private static func makeUnfinishedFolder(in folder: String) throws(VolumeError) {
    let path = "\(folder)/\(PackSite.unfinished)"
    if mkdir(path, 0o777) != 0, errno != EEXIST {
      throw VolumeError("\(path) cannot be made (\(String(cString: strerror(errno)))): check the permissions of \(folder).")
    }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where PackName.number(name) != nil {
      unlink("\(path)/\(name)")
    }
  }
}

extension PackIndex {
  /// Whether the cases of both were prepared alike.
  fileprivate func matches(_ other: PackIndex) -> Bool {
    preparation == other.preparation && labels == other.labels && channelNames == other.channelNames
  }
}

private func foreign(_ folder: String, _ found: String, _ dataset: String) -> VolumeError {
  VolumeError(
    "\(folder) holds the packs of another data set (\(found)) than \(dataset): choose another --output, or delete that folder first."
  )
}

private func isPlainFile(_ path: String) -> Bool {
  var facts = stat()
  return lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
}

/// Refuses to write where one of the folder's own names is a link, or something else than it should be, which leads to a file of somebody else's.
private func refuseLinks(in folder: String) throws(FileError) {
  for (name, kind) in [
    (PackIndex.fileName, S_IFREG), ("packs.lock", S_IFREG), ("packs.readers", S_IFREG), (PackSite.unfinished, S_IFDIR),
  ] {
    var facts = stat()
    guard lstat("\(folder)/\(name)", &facts) != 0 || facts.st_mode & S_IFMT == kind else {
      throw FileError(
        "\(folder)/\(name) is a link or something else that Cohort did not make: remove it, or choose another folder for the packs."
      )
    }
  }
}
