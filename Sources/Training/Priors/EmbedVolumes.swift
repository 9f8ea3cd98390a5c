// Embeddings of all volumes that a run may draw, once at its start: what the cache lacks is shared out over the ranks, each rank
// keeps what its lanes need, and rank 0 writes the file.

import Cluster
import Foundation
import MPI
import Networks
import Preparation
import Tensors
import Volumes

/// How the volumes of a run become embeddings.
struct EmbeddingWork {
  let network: SAMMed3D
  let cache: EmbeddingCache
  let reader: PackReader
  /// Every training case of the run, sorted; the same on every rank.
  let identifiers: [String]

  /// How many were read from the cache.
  ///
  /// Embeds the volumes that the cache lacks. Collective. Errors: a volume that cannot be read, on every rank alike.
  func run(
    into embeddings: VolumeEmbeddings, keeping isNeeded: (String) -> Bool, over world: borrowing Communicator, console: Console
  ) throws -> Int {
    var cached = world.rank == 0 ? readCache(console) : [:]
    let present = Set(try world.broadcast(text: cached.keys.joined(separator: "\n")).split(separator: "\n").map(String.init))
    let missing = identifiers.filter { !present.contains($0) }
    let (rank, ranks) = (world.rank, world.size)
    var local = try together(over: world) { _ in
      var local: [String: VolumeEmbedding] = [:]
      for (number, identifier) in missing.enumerated() where number % ranks == rank {
        local[identifier] = try embed(identifier)
        console.progress("prior: embedding \(number + 1) of \(missing.count)", isLast: number + ranks >= missing.count)
      }
      return local
    }

    let owners = Dictionary(uniqueKeysWithValues: missing.enumerated().map { ($1, $0 % world.size) })
    for identifier in identifiers {
      let mine = local.removeValue(forKey: identifier) ?? cached[identifier]
      let embedding = try exchange(mine, from: owners[identifier] ?? 0, over: world)
      if isNeeded(identifier) { embeddings.keep(identifier, embedding) }
      if world.rank == 0, !missing.isEmpty { cached[identifier] = embedding }
    }
    if world.rank == 0, !missing.isEmpty { writeCache(cached, console) }
    return present.count
  }

  /// What a network sees of a volume.
  private func embed(_ identifier: String) throws -> VolumeEmbedding {
    let volume = try reader.read(identifier), side = cache.frame.size
    let windows = cache.frame.windows(
      volume.image, channels: volume.channels, extent: volume.extent, spacing: volume.spacing)
    let values = windows.flatMap { window in
      Flight.tick()
      let image = cache.frame.image(volume.image, channels: volume.channels, extent: volume.extent, window: window)
      let embedding = network.embedding(Tensor(image, shape: [1, side, side, side, 1]), on: Tape(recording: false))
      return embedding.values.map { Float16($0) }
    }
    return VolumeEmbedding(windows: windows, values: values)
  }

  private func exchange(
    _ embedding: VolumeEmbedding?, from owner: Int, over world: borrowing Communicator
  ) throws -> VolumeEmbedding {
    guard world.size > 1 else { return embedding! }
    let geometry: [Double] = try shared(world.rank == owner ? embedding!.geometry : [], from: owner, over: world)
    let values: [Float16] = try shared(world.rank == owner ? embedding!.values : [], from: owner, over: world)
    return VolumeEmbedding(geometry: geometry, size: cache.frame.size, values: values)!
  }

  /// The owner's array on every rank.
  private func shared<Element: BitwiseCopyable>(
    _ values: [Element], from owner: Int, over world: borrowing Communicator
  ) throws -> [Element] {
    let bytes = try world.broadcast(bytes: values.withUnsafeBytes { Array($0) }, from: owner)
    return bytes.withUnsafeBytes { raw in
      (0..<raw.count / MemoryLayout<Element>.stride).map {
        raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.stride, as: Element.self)
      }
    }
  }

  private var checksums: [String: String] {
    let wanted = Set(identifiers)
    return Dictionary(
      reader.index.entries.filter { wanted.contains($0.identifier) }.map { ($0.identifier, $0.imageChecksum) }
    ) { $1 }
  }

  private func readCache(_ console: Console) -> [String: VolumeEmbedding] {
    do { return try cache.read(checksums) } catch {
      console.warn("the embeddings in \(cache.path) cannot be used and are computed again: \(error)")
      return [:]
    }
  }

  private func writeCache(_ embeddings: [String: VolumeEmbedding], _ console: Console) {
    let checksums = checksums
    do {
      try cache.write(identifiers.map { (identifier: $0, checksum: checksums[$0] ?? "", embedding: embeddings[$0]!) })
    } catch {
      console.warn("the embeddings could not be saved and will be computed again next time: \(error)")
    }
  }
}
