// What a run has before its data are opened: its configuration, its folder with the lease on it, and the watch over all ranks. Opening the
// data is where a file system may hang, so the watch comes first.

import Cluster
import Files
import Foundation
import MPI

/// Held until the run ends.
final class OpenedRun {
  let configuration: RunConfiguration
  /// The lock on the run folder, held by rank 0.
  private(set) var lease: RunLease?
  private var watch: JobWatch?
  /// What this job has made to take the run folder; nothing on other ranks than 0.
  private var made: RunFolder.Made?

  private init(_ configuration: RunConfiguration) { self.configuration = configuration }

  /// Reads the configuration on every rank, takes the run folder and starts the watch. Collective; throws the same on every rank.
  static func open(
    over world: borrowing Communicator, console: Console, _ read: (borrowing Communicator) throws -> RunConfiguration
  ) throws -> OpenedRun {
    try StartGuard.during {
      let opened = try together(over: world) { world in
        let opened = OpenedRun(try read(world))
        if world.rank == 0 { try opened.takeFolder(console) }
        return opened
      }
      try opened.startWatch(over: world, console: console)
      return opened
    }
  }

  private func takeFolder(_ console: Console) throws {
    try configuration.requireFolderApartFromData()
    made = try RunFolder.take(configuration.output)
    lease = try leavingNothingBehind { try RunLease(folder: configuration.output, waiting: console.warn) }
  }

  /// From here on the ranks watch each other. Collective.
  private func startWatch(over world: borrowing Communicator, console: Console) throws {
    let folder = configuration.output
    try together(over: world) { world in
      do {
        // On hosts that do not see the folder of rank 0, one of their own.
        try makeFolder(folder)
        try Flight.open(run: folder, rank: world.rank, ranks: world.size, host: Communicator.hostName)
      } catch { throw TrainingError("\(error)", exitCode: ExitCode.storage.rawValue) }
    }
    Flight.mark(.start)
    watch = try JobWatch.start(
      run: folder, deadline: Double(configuration.watchDeadline), over: world,
      hint: "The job ends; start it again to go on from the newest checkpoint (`cohort launch` does so by itself).",
      secondsSinceTermination: { StopSignal.secondsSinceTermination }, warn: console.warn)
  }

  /// Runs `body`; if it refuses the run, what was made for it goes again.
  func leavingNothingBehind<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch {
      lease?.release()
      made?.undo()
      throw error
    }
  }

  /// Signs off: the other ranks stop expecting heartbeats from this one.
  func close() {
    watch?.end()
    lease?.release()
  }
}

/// The text of a file that only rank 0 need see. Collective; every rank throws the same error.
func sharedText(_ file: String, over world: borrowing Communicator) throws -> String {
  let text = try together(over: world) { world in world.rank == 0 ? try RunConfiguration.text(of: file) : "" }
  return try world.broadcast(text: text, from: 0)
}

extension RunConfiguration {
  /// Refuses a run folder whose files would lie among prepared data.
  func requireFolderApartFromData() throws(TrainingError) {
    for data in Set(stages.map(\.configuration.data)).sorted() where !data.isEmpty {
      let isMixed = isSamePlace(data, self.output) || RunFolder.names.contains { isInside(data, "\(self.output)/\($0)") }
      guard !isMixed else {
        throw TrainingError(
          "the run would write among the prepared data in \(data): choose another folder than \(self.output) as output.")
      }
    }
  }
}
