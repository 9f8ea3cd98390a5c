// What the subcommands share: ranks, and errors that end in one sentence and an exit code.

import ArgumentParser
import Cluster
import Foundation
import Kernels
import MPI
import Training
import Volumes

/// Runs `body` with all ranks of the job and ends the process with the exit code it returns.
///
/// - Parameter alwaysMPI: initialise MPI even where no launcher started the process; else such a process is one rank without MPI.
func withRanks(alwaysMPI: Bool, _ body: (borrowing Communicator) throws -> Int32) throws {
  let launch = LaunchCheck()
  if !launch.isWired, let problem = launch.problem(ranks: 1) { try refuse(problem, launch) }
  guard alwaysMPI || launch.isWired else {
    let code = try reportingErrors { try refusing(over: Communicator.alone, body: body) }
    throw ArgumentParser.ExitCode(code)
  }
  let session = try StartGuard.during { try Session() }
  if let problem = launch.problem(ranks: session.world.size) {
    try session.finalize()
    try refuse(problem, launch)
  }
  if session.world.rank == 0, let warning = launch.warning(ranks: session.world.size) { complain("warning: \(warning)") }
  let code: Int32
  do { code = try refusing(over: session.world, body: body) } catch {
    FileHandle.standardError.write(Data("cohort: \(error)\n".utf8))
    MPI.abort(code: 1)
  }
  try session.finalize()
  throw ArgumentParser.ExitCode(code)
}

/// Runs `body` as `withRanks` does, under MPI in any case, and stops cleanly when asked by a signal (`StopSignal`).
func withStoppableRanks(_ body: (borrowing Communicator) throws -> Int32) throws {
  StopSignal.install()
  try withRanks(alwaysMPI: true, body)
}

/// Ends a process that is not joined to the other ranks: the first of them prints why, all end with the same code.
private func refuse(_ problem: String, _ launch: LaunchCheck, code: Cluster.ExitCode = .preflight) throws -> Never {
  if launch.isFirst { complain("cohort: \(problem)") }
  throw ArgumentParser.ExitCode(code.rawValue)
}

/// Refuses numbers of threads that cannot be meant, before anything starts them.
/// - Parameter asked: the value of --threads.
func requireThreads(_ asked: Int? = nil) throws {
  let problem = asked.map { Threads.problem("\($0)", in: "--threads") } ?? Threads.problem(ProcessInfo.processInfo.environment)
  if let problem { try refuse(problem, LaunchCheck(), code: .configuration) }
}

func complain(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

/// Runs `body`; an error becomes one sentence on standard error and exit code 3.
func reportingErrors<Result>(_ body: () throws -> Result) throws -> Result {
  do { return try body() } catch let code as ArgumentParser.ExitCode {
    throw code
  } catch {
    FileHandle.standardError.write(Data("cohort: \(error)\n".utf8))
    throw ArgumentParser.ExitCode(3)
  }
}

/// Prints a value as JSON with sorted keys.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Class names by label value: those of the data set, else of the one whose folder the references lie in, else none.
func classNames(dataset: String?, references: String) throws -> [String] {
  let above = URL(fileURLWithPath: references).deletingLastPathComponent().path
  return try dataset.map { try Dataset.open($0).classNames } ?? (try? Dataset.open(above))?.classNames ?? []
}
