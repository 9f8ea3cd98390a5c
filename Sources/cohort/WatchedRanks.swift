// Commands on several ranks that have no run folder: their ranks watch each other as those of a training do, so that one that dies or hangs
// ends all of them and is named.

import ArgumentParser
import Cluster
import Files
import Foundation
import MPI
import Training

/// How long is too long.
struct WatchOptions: ParsableArguments {
  @Option(
    help: "On several ranks: whoever takes so many seconds for a step, or ten times as many for a case, counts as hanging.")
  var deadline = 60

  func validate() throws {
    guard (1...86_400).contains(deadline) else {
      throw ValidationError("--deadline \(deadline) must be from 1 to 86400 seconds.")
    }
  }
}

/// Runs `body` as `withRanks` does, with a watch over the ranks where there are several. An error that `body` throws on one rank
/// ends all, with that rank's name.
func withWatchedRanks(_ options: WatchOptions, command: String, _ body: (borrowing Communicator) throws -> Int32) throws {
  try withRanks(alwaysMPI: false) { world in
    guard world.size > 1 else { return try body(world) }
    let (flight, watch) = try StartGuard.during {
      try together(over: world) { world in
        let folder = try FlightFolder(command: command, over: world)
        let watch = try JobWatch.start(
          run: folder.path, deadline: Double(options.deadline), over: world, hint: folder.hint, secondsSinceTermination: { nil },
          warn: { complain("warning: \($0)") })
        return (folder, watch)
      }
    }
    defer { flight.remove() }
    do {
      let code = try refusing(over: world, body: body)
      watch.end()
      return code
    } catch {
      reportAndAbort(error, code: .fatal, over: world)
    }
  }
}

/// The folder in which the ranks record what they do: of the same name on every host, beside its other temporary files.
private struct FlightFolder {
  let path: String
  var hint: String { "The job ends; start it again. `cohort flight \(path)` on a host prints what the ranks there did last." }

  /// Opens this rank's record. Collective.
  init(command: String, over world: borrowing Communicator) throws {
    let name = try world.broadcast(text: "cohort-\(command)-\(UUID().uuidString.prefix(8).lowercased())", from: 0)
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path, rank = world.rank, ranks = world.size
    try together(over: world) { _ in
      try Flight.open(run: path, rank: rank, ranks: ranks, host: Communicator.hostName)
    }
    self.path = path
  }

  /// Removes the folder after a good end: the first of a host's ranks, since the others do not need it any more.
  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
