// What the subcommands share: ranks, and errors that end in one sentence and an exit code.

import ArgumentParser
import Cluster
import Files
import Foundation
import Kernels
import MPI
import Preparation
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
    complain("cohort: \(error)")
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

/// Refuses an OMP_NUM_THREADS that cannot be meant, before anything starts so many.
func requireThreads() throws {
  if let problem = Threads.problem(ProcessInfo.processInfo.environment) {
    try refuse(problem, LaunchCheck(), code: .configuration)
  }
}

/// Runs `body`; an error becomes one sentence on standard error and exit code 3.
func reportingErrors<Result>(_ body: () throws -> Result) throws -> Result {
  do { return try body() } catch let code as ArgumentParser.ExitCode {
    throw code
  } catch {
    complain("cohort: \(error)")
    throw ArgumentParser.ExitCode(3)
  }
}

/// Refuses options that lie outside their range.
func inRange<Value: Comparable>(_ options: [(name: String, value: Value, range: ClosedRange<Value>)]) throws {
  for (name, value, range) in options where !range.contains(value) {
    throw ValidationError("--\(name) \(value) must be from \(range.lowerBound) to \(range.upperBound).")
  }
}

/// The most steps, repeats or rounds that a measurement may be asked for.
let mostRepeats = 1_000_000

/// Prints a value as JSON with sorted keys.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// Lists the cases that failed, if any did.
/// - Parameter done: what happens to a case, as in "predicted".
/// - Returns: the exit code.
func listFailures(_ failures: [CaseFailure], of count: Int, done: String) -> Int32 {
  guard let text = failureText(failures, of: count, done: done) else { return Cluster.ExitCode.success.rawValue }
  complain("cohort: \(text)")
  return Cluster.ExitCode.configuration.rawValue
}

/// What label values mean: in the data set, else in the one whose folder the references lie in, else unknown.
func labelMeaning(dataset: String?, references: String) throws -> LabelMeaning {
  if let dataset { return try Dataset.names(ofFolder: dataset).labels }
  let above = URL(fileURLWithPath: references).deletingLastPathComponent().path
  guard FileManager.default.fileExists(atPath: above + "/dataset.json") else { return LabelMeaning(classNames: []) }
  do { return try Dataset.names(ofFolder: above).labels } catch {
    complain("warning: classes are named by their numbers. \(error)")
    return LabelMeaning(classNames: [])
  }
}

/// A voxel size in millimetres: one number, or depth,height,width.
func parseSpacing(_ text: String) throws -> Spacing {
  let numbers = text.split(separator: ",").map { Double($0.trimmingPrefix(" ")) ?? -1 }
  guard [1, 3].contains(numbers.count), numbers.allSatisfy({ $0 > 0 && $0.isFinite }) else {
    throw PreparationError(
      "--spacing \(text) is no voxel size: give one positive number of millimetres, or depth,height,width.")
  }
  return numbers.count == 1 ? Spacing(numbers[0], numbers[0], numbers[0]) : Spacing(numbers[0], numbers[1], numbers[2])
}
