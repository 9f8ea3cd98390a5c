// The command: one entry for each subcommand, and how a program begins and ends.

import ArgumentParser
import Cluster
import Files
@preconcurrency import Foundation
@preconcurrency import Glibc
import Kernels
import MPI
import Training

/// The version of the program and of the libraries that results depend on.
private let versionText = "cohort 0.1.0 with \(Session.library), oneDNN \(oneDNNVersion), OpenBLAS for \(openBLASCore)"

@main
struct Cohort: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cohort",
    abstract: "Trains 3D medical segmentation networks from a few labelled and many unlabelled volumes, on many machines.",
    version: versionText,
    subcommands: [
      Synthesize.self, Import.self, Choose.self, New.self, PlanCommand.self, Prepare.self, Train.self, WatchCommand.self,
      Predict.self, Postprocess.self, Evaluate.self, CompareMethods.self, Report.self, Checkpoint.self, NetworkCommand.self,
      Methods.self,
      Recipes.self, PriorCommand.self, Bench.self, Scale.self, WeightsCommand.self, Launch.self, FlightCommand.self,
      Doctor.self, Trace.self,
    ])

  /// A stop that comes while the program starts must be obeyed, not kill it, and the start may begin again for OpenBLAS.
  static func main() {
    if ["train", "compare-methods", "launch"].contains(CommandLine.arguments.dropFirst().first) { StopSignal.hold() }
    secureStandardStreams()
    startAgainWithFittingOpenBLAS()
    var code = ArgumentParser.ExitCode.success.rawValue
    do {
      try requireThreads()
      var command = try parseAsRoot()
      try command.run()
    } catch {
      code = exitCode(for: error).rawValue
      let text = fullMessage(for: error)
      if !text.isEmpty { code == 0 ? print(text) : complain(text) }
    }
    Glibc.exit(endOfOutput(code))
  }
}

/// A reader that leaves must not kill the program, and a file must not get the number of an output that was closed at the start.
private func secureStandardStreams() {
  signal(SIGPIPE, SIG_IGN)
  for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
    // Opened the wrong way round: what is written there fails, as it would without.
    _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
  }
}

/// Writes out what is still to be printed.
/// - Returns: `code`; that of storage in place of 0 where not all that was printed has arrived.
private func endOfOutput(_ code: Int32) -> Int32 {
  let isFlushed = fflush(stdout) == 0, failure = errno
  guard !isFlushed || ferror(stdout) != 0, code == 0 else { return code }
  // A reader that has left knows it.
  if failure != EPIPE {
    complain("cohort: standard output could not be written (\(String(cString: strerror(failure)))): send it to another place.")
  }
  return ExitCode.storage.rawValue
}
