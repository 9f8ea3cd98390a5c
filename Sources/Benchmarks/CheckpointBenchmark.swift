// Saving and loading a checkpoint, whole, against a plain file of the same bytes in the same folder.

import Cluster
import Files
import Foundation
import Kernels
import MPI

/// What `measureCheckpoint` found: medians, in 10⁶ bytes a second.
public struct CheckpointResult: Encodable, Sendable {
  public let folder: String
  public let bytes: Int
  public let ranks: Int
  public let backend: String
  public let repeats: Int
  /// Layout, values, checksums, reading back, fsync, manifest and commit.
  public let saveRate: Double
  /// `dd bs=4M conv=fsync`.
  public let writeRate: Double
  /// `saveRate` over `writeRate`.
  public let saveShare: Double
  /// The rate of reading and verifying, from the disk into each rank's vectors, as a run that goes on does.
  public let loadRate: Double
  /// `dd bs=4M` of the same file from the disk.
  public let readRate: Double
  public let loadShare: Double
  public let saveSeconds: [Double]
  public let writeSeconds: [Double]
  public let loadSeconds: [Double]
  public let readSeconds: [Double]

  public var text: String {
    [
      "checkpoint of \(bytes / 1_000_000) MB on \(ranks) \(ranks == 1 ? "rank" : "ranks"), \(backend), in \(folder); medians of \(repeats)",
      String(format: "save: %.0f MB/s, plain write and fsync: %.0f MB/s, ratio %.2f", saveRate, writeRate, saveShare),
      String(format: "load: %.0f MB/s, plain cold read: %.0f MB/s, ratio %.2f", loadRate, readRate, loadShare),
    ].joined(separator: "\n")
  }
}

/// Saves and loads `bytes` in `folder`, which must exist, `repeats` times in turn with a plain file, after one round that does not count. Collective.
public func measureCheckpoint(
  bytes: Int, folder: String, repeats: Int, backend: CheckpointBackend, over world: borrowing Communicator
) throws -> CheckpointResult {
  let scratch = "\(folder)/.cohort-bench-checkpoint"
  try requireRoom(memory: 2 * bytes, disk: 2 * bytes, in: folder)
  let store = CheckpointStore(folder: scratch, keep: 1, backend: backend)
  let state = benchmarkState(bytes: bytes), memory = BenchmarkMemory(state)
  var (saves, writes, loads, reads): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
  var isShared = false
  defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: scratch) } }
  for round in 0...repeats {
    let plain = PlainFile(path: "\(scratch)/plain")
    let write = try alone(world) {
      try makeFolder(scratch)
      return try plain.write(bytes: bytes)
    }
    _ = try alone(world) {
      plain.remove()
      return 0
    }
    var started = ContinuousClock.now
    let record = try store.save(state, over: world)
    try world.barrier()
    let save = seconds(since: started)
    let file = PlainFile(path: "\(record.path)/state.h5")
    let read = try alone(world) { try file.readCold() }
    _ = try alone(world) {
      try file.forget()
      return 0
    }
    started = ContinuousClock.now
    guard try store.loadLatest(over: world, into: { _ in memory.places }) != nil else {
      throw FileError("The checkpoint in \(scratch) is gone. Try again.")
    }
    try world.barrier()
    let load = seconds(since: started)
    isShared = try alone(world) { try CheckpointStore.inspect(path: record.path).writerRanks > 1 ? 1 : 0 } > 0
    // Each round saves into an empty folder, as dd writes a new file.
    _ = try alone(world) {
      try FileManager.default.removeItem(atPath: record.path)
      return 0
    }
    if round > 0 {
      saves.append(save)
      writes.append(write)
      loads.append(load)
      reads.append(read)
    }
  }
  func rate(_ times: [Double]) -> Double { Double(bytes) / median(times) / 1e6 }
  return CheckpointResult(
    folder: folder, bytes: bytes, ranks: world.size, backend: isShared ? "parallel" : "gather", repeats: repeats,
    saveRate: rate(saves), writeRate: rate(writes), saveShare: rate(saves) / rate(writes),
    loadRate: rate(loads), readRate: rate(reads), loadShare: rate(loads) / rate(reads),
    saveSeconds: saves, writeSeconds: writes, loadSeconds: loads, readSeconds: reads)
}

/// Three equal vectors, as of a student, its momentum and a teacher.
private func benchmarkState(bytes: Int) -> CheckpointState {
  let count = max(1, bytes / 3 / MemoryLayout<Float>.stride)
  return CheckpointState(
    step: 1,
    vectors: ["student", "momentum", "teacher"].enumerated().map { seed, name in
      (name, (0..<count).map { Float(bitPattern: UInt32(truncatingIfNeeded: ($0 &+ seed) &* 2_654_435_761) & 0x3FFF_FFFF) })
    })
}

/// Where the vectors are loaded to: memory that is in use, as that of a network.
private final class BenchmarkMemory {
  let places: VectorPlaces

  init(_ state: CheckpointState) {
    places = Dictionary(
      uniqueKeysWithValues: state.vectors.map { name, values in
        let place = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
        _ = place.initialize(from: values)
        return (name, place)
      })
  }

  deinit { for place in places.values { place.deallocate() } }
}

/// Runs `body` on rank 0 while the others wait; what it throws, and the number that it gives, is every rank's. Collective.
private func alone(_ world: borrowing Communicator, _ body: () throws -> Double) throws -> Double {
  let result = try together(over: world) { world in world.rank == 0 ? try body() : 0 }
  return try world.allreduce(result, .maximum)
}
