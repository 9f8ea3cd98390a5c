// SPMD programs for the multi-rank tests: `mpirun -n R cohort-scenarios NAME [arguments]`; exit code 0 means that all of it held.

import Cluster
import MPI

/// One program that every rank runs.
struct Scenario: Sendable {
  let name: String
  let run: @Sendable (borrowing Communicator, [String]) throws -> Void
}

/// What did not hold.
struct Broken: Error, CustomStringConvertible {
  let description: String
}

/// Throws unless `condition` holds.
func expect(_ condition: Bool, _ text: @autoclosure () -> String) throws {
  if !condition { throw Broken(description: text()) }
}

/// Add yours as one line.
private let scenarios: [Scenario] =
  collectiveScenarios + averagingScenarios + checkpointScenarios + checkpointDamageScenarios + powerCutScenarios
  + failureScenarios + clockScenarios + [kernelBitsScenario]

/// Not declared `Never`: the compiler would warn that the session is never released after it.
private func stop(_ error: any Error, _ world: borrowing Communicator) { reportAndAbort(error, code: .fatal, over: world) }

@main
struct Scenarios {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard let name = arguments.first, let scenario = scenarios.first(where: { $0.name == name }) else {
      print("usage: cohort-scenarios NAME, one of: \(scenarios.map(\.name).joined(separator: ", "))")
      MPI.abort(code: 2)
    }
    let session = try Session()
    do {
      try scenario.run(session.world, Array(arguments.dropFirst()))
    } catch {
      stop(error, session.world)
    }
    try session.finalize()
  }
}
