// What a run has before its data are opened: its configuration, its folder with the lease on it, and the watch over all ranks. Opening the
// data is where a file system may hang, so the watch comes first.

import Cluster
import Foundation
import MPI

/// Held until the run ends.
final class OpenedRun {
  let configuration: RunConfiguration
  /// The lock on the run folder, held by rank 0.
  private var lease: RunLease?
  private var watch: JobWatch?
  /// Whether this job has made the run folder; false on other ranks than 0.
  private var isFolderNew = false

  private init(_ configuration: RunConfiguration) { self.configuration = configuration }

  /// Reads the configuration on every rank, takes the run folder and starts the watch. Collective; throws the same on every rank.
  static func open(
    over world: borrowing Communicator, console: Console, _ read: (borrowing Communicator) throws -> RunConfiguration
  ) throws -> OpenedRun {
    try StartGuard.during {
      let opened = try together(over: world) { world in
        let opened = OpenedRun(try read(world))
        if world.rank == 0 { try opened.takeFolder() }
        return opened
      }
      try opened.startWatch(over: world, console: console)
      return opened
    }
  }

  private func takeFolder() throws {
    let folder = configuration.output
    isFolderNew = !FileManager.default.fileExists(atPath: folder)
    try makeRunFolder(folder)
    lease = try RunLease(folder: folder)
  }

  /// From here on the ranks watch each other. Collective.
  private func startWatch(over world: borrowing Communicator, console: Console) throws {
    let folder = configuration.output
    try together(over: world) { world in
      try makeRunFolder(folder)
      do { try Flight.open(run: folder, rank: world.rank, ranks: world.size, host: Communicator.hostName) } catch {
        throw TrainingError("\(error)", exitCode: ExitCode.storage.rawValue)
      }
    }
    Flight.mark(.start)
    watch = try JobWatch.start(
      run: folder, deadline: Double(configuration.watchDeadline), over: world,
      hint: "The job ends; start it again to go on from the newest checkpoint (`cohort launch` does so by itself).",
      secondsSinceTermination: { StopSignal.secondsSinceTermination }, warn: console.warn)
  }

  /// Runs `body`; if it refuses the run, the folder goes again if it was made for it.
  func leavingNothingBehind<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch {
      if isFolderNew { try? FileManager.default.removeItem(atPath: configuration.output) }
      throw error
    }
  }

  /// Signs off: the other ranks stop expecting heartbeats from this one.
  func close() { watch?.end() }
}

/// The text of a file that only rank 0 need see. Collective; every rank throws the same error.
func sharedText(_ file: String, over world: borrowing Communicator) throws -> String {
  let text = try together(over: world) { world in world.rank == 0 ? try RunConfiguration.text(of: file) : "" }
  return try world.broadcast(text: text, from: 0)
}

private func makeRunFolder(_ folder: String) throws(TrainingError) {
  do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
    throw TrainingError(
      "cannot make the run folder \(folder) (\(error.localizedDescription)): choose a writable folder as output.", exitCode: 79)
  }
}
