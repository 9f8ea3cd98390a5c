// `cohort bench checkpoint|io`: how fast a folder's disk takes checkpoints, and how fast it could.

import ArgumentParser
import Benchmarks
import Cluster
import Files
import Foundation

/// What both are asked.
struct DiskChoice: ParsableArguments {
  @Option(help: "Bytes, for example 256MB or 1GB (powers of 1000).", transform: DiskChoice.bytes)
  var bytes = 256_000_000
  @Option(help: "A folder on the disk to measure; what is written there is removed again.")
  var folder = "."
  @Option(help: "Rounds that count.")
  var repeats = 5
  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    try inRange([("repeats", repeats, 1...mostRepeats)])
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
      throw ValidationError("--folder \(folder): there is no such folder; make it or name another.")
    }
  }

  private static let mostBytes = 1_000_000_000_000

  private static func bytes(_ text: String) throws -> Int {
    for (unit, factor) in [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("", 1)] where text.hasSuffix(unit) {
      guard let count = Int(text.dropLast(unit.count)), 1...mostBytes / factor ~= count else { break }
      return count * factor
    }
    throw ValidationError("\(text) is no number of bytes from 1 to 1000GB: write for example 256MB.")
  }
}

extension Bench {
  struct Checkpoint: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Time saving and loading a checkpoint, bare or under mpirun, against a plain file of the same size.")
    @OptionGroup var choice: DiskChoice
    @Option(help: "Who writes: auto, parallel (all ranks) or gather (rank 0).")
    var backend = CheckpointBackend.auto

    func run() throws {
      try withRanks(alwaysMPI: false) { world in
        do {
          let result = try measureCheckpoint(
            bytes: choice.bytes, folder: choice.folder, repeats: choice.repeats, backend: backend, over: world)
          if world.rank == 0 { if choice.json { try printJSON(result) } else { print(result.text) } }
          return 0
        } catch {
          // Every rank throws the same error.
          if world.rank == 0 { complain("cohort: \(error)") }
          return Cluster.ExitCode.storage.rawValue
        }
      }
    }
  }

  struct IO: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "io", abstract: "Time what checkpoints ask of a disk: writing, reading, fsync and rename.")
    @OptionGroup var choice: DiskChoice

    func run() throws {
      try reportingErrors {
        let result = try measureDisk(folder: choice.folder, bytes: choice.bytes, repeats: choice.repeats)
        if choice.json { try printJSON(result) } else { print(result.text) }
      }
    }
  }
}

extension CheckpointBackend: ExpressibleByArgument {}
