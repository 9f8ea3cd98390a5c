// What the subcommands share: ranks, and errors that end in one sentence and an exit code.

import ArgumentParser
import Foundation
import MPI
import Volumes

/// Runs `body` with all ranks of the job and ends the process with the exit code it returns.
///
/// - Parameter alwaysMPI: initialise MPI even where no launcher started the process; else such a process is one rank without MPI.
func withRanks(alwaysMPI: Bool, _ body: (borrowing Communicator) throws -> Int32) throws {
  let environment = ProcessInfo.processInfo.environment
  let isLaunched = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"].contains { environment[$0] != nil }
  guard alwaysMPI || isLaunched else {
    let code = try saying { try body(Communicator.alone) }
    throw ArgumentParser.ExitCode(code)
  }
  let session = try Session()
  let code: Int32
  do { code = try body(session.world) } catch {
    FileHandle.standardError.write(Data("cohort: \(error)\n".utf8))
    MPI.abort(code: 1)
  }
  try session.finalize()
  throw ArgumentParser.ExitCode(code)
}

/// Runs `body`; an error becomes one sentence on standard error and exit code 3.
func saying<Result>(_ body: () throws -> Result) throws -> Result {
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
