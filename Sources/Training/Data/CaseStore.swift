// Prepared volumes in memory, read from their packs when first used; the least recently used leave when the byte budget is full.

import Volumes

/// The volumes that one rank reads. Not shared between threads: HDF5 here is not thread-safe.
public final class CaseStore {
  public let index: PackIndex
  /// The reader for volumes that are read once.
  let reader: PackReader
  private let budget: Int
  private var held: [String: PackedCase] = [:]
  private var order: [String] = []
  private var bytes = 0
  /// The identifiers that were read from disk, in order: what a test of sharding looks at.
  public private(set) var loaded: [String] = []

  /// - Parameter budget: bytes of images and labels to keep; one volume is kept even if it is larger.
  public init(folder: String, budget: Int) throws(VolumeError) {
    reader = try PackReader(folder: folder)
    index = reader.index
    self.budget = budget
  }

  public func volume(_ identifier: String) throws(VolumeError) -> PackedCase {
    if let found = held[identifier] {
      order.removeAll { $0 == identifier }
      order.append(identifier)
      return found
    }
    let read = try reader.read(identifier)
    loaded.append(identifier)
    held[identifier] = read
    order.append(identifier)
    bytes += size(read)
    while bytes > budget, order.count > 1 {
      bytes -= size(held.removeValue(forKey: order.removeFirst())!)
    }
    return read
  }

  private func size(_ volume: PackedCase) -> Int {
    volume.image.count * 4 + (volume.label?.count ?? 0) + (volume.inside?.count ?? 0)
  }
}
