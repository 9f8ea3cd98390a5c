// What a run has before its data are opened: its configuration, its folder with the lease on it, and the watch over all ranks. Opening the
// data is where a file system may hang, so the watch comes first.

import Cluster
import Foundation
import MPI

/// Held until the run ends.
final class OpenedRun {
  let configuration: RunConfiguration
  /// Of rank 0.
  private var lease: RunLease?
  private var watch: JobWatch?
  /// This job has made the run folder; false on other ranks than 0.
  private var isFolderNew = false

  fileprivate init(_ configuration: RunConfiguration) { self.configuration = configuration }

  fileprivate func takeFolder() throws {
    let folder = configuration.output
    isFolderNew = !FileManager.default.fileExists(atPath: folder)
    try makeRunFolder(folder)
    lease = try RunLease(folder: folder)
  }

  /// From here on every rank knows what the others do. Collective.
  fileprivate func startWatch(over world: borrowing Communicator, console: Console) throws {
    let folder = configuration.output, (rank, ranks) = (world.rank, world.size)
    do {
      try jointly(over: world) {
        try makeRunFolder(folder)
        try Flight.open(run: folder, rank: rank, ranks: ranks, host: Communicator.hostName)
      }
    } catch { throw TrainingError("\(error)", exitCode: ExitCode.storage.rawValue) }
    Flight.mark(.start)
    watch = try JobWatch.start(
      run: folder, deadline: Double(configuration.watchDeadline), over: world,
      cure: "The job ends; start it again to go on from the newest checkpoint (`cohort launch` does so by itself).",
      secondsSinceTermination: { StopSignal.secondsSinceTermination }, warn: console.warn)
  }

  /// The run was refused before its first step: the folder goes again if it was made for it.
  func leaveNothing() {
    if isFolderNew { try? FileManager.default.removeItem(atPath: configuration.output) }
  }

  /// Takes leave of the other ranks.
  func close() { watch?.end() }
}

/// Reads the run file on every rank, takes the run folder and starts the watch. Collective.
/// - Returns: the exit code of a failure; nil if `opened` has been made.
func openRun(
  _ opened: inout OpenedRun?, file: String, overrides: [String], over world: borrowing Communicator, console: Console
) throws -> Int32? {
  var made: OpenedRun?
  let failure: Int32? = try StartGuard.during {
    let unreadable = try preflight(over: world) { world in
      let text = try sharedText(file, over: world)
      made = OpenedRun(try RunConfiguration(yaml: text, source: file, overrides: overrides))
      if world.rank == 0 { try made?.takeFolder() }
    }
    if let unreadable { return unreadable }
    return try preflight(over: world, console) { world in try made?.startWatch(over: world, console: console) }
  }
  if failure == nil { opened = made }
  return failure
}

/// The text of a file that only rank 0 need see. Collective; every rank throws the same error.
private func sharedText(_ file: String, over world: borrowing Communicator) throws -> String {
  var text = "", complaint: String?
  if world.rank == 0 {
    do { text = try RunConfiguration.text(of: file) } catch { complaint = "\(error)" }
  }
  if let failure = try agree(complaint, over: world) { throw TrainingError(failure.message) }
  return try world.broadcast(text: text, from: 0)
}

private func makeRunFolder(_ folder: String) throws(TrainingError) {
  do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
    throw TrainingError(
      "cannot make the run folder \(folder) (\(error.localizedDescription)): choose a writable folder as output.", exitCode: 79)
  }
}
