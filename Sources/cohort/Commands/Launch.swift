// `cohort launch`: a training run under mpirun that is started again when a rank or a machine is lost.

import ArgumentParser
import Cluster
import Files
import Foundation
import Training

struct Launch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Start a training run under mpirun, and start it again on the machines left when a rank is lost.",
    usage: "cohort launch -n RANKS [--hostfile FILE] [--retries N] -- train run.yaml [key=value ...] [options of train]",
    discussion:
      "Prints the mpirun command that it runs. USR1, TERM and Ctrl-C save and stop the run; a second Ctrl-C ends it at once. "
      + "Settings of Open MPI go through its environment, for example OMPI_MCA_btl_tcp_if_include=10.77.0.0/24.")

  @Option(name: .short, help: "Ranks; fewer where the machines left have fewer slots.")
  var n: Int
  @Option(help: "Machines, as for mpirun; this one alone without it.")
  var hostfile: String?
  @Option(help: "How often the run may be started again.")
  var retries = 100
  @Argument(parsing: .postTerminator, help: "train with its run file, keys that replace its own, and options.")
  var command: [String]

  func validate() throws {
    guard 1...65_536 ~= n else { throw ValidationError("-n \(n) must be from 1 to 65536.") }
    try inRange([("retries", retries, 0...1_000_000)])
  }

  func run() throws {
    let code = try reportingErrors {
      guard command.count > 1, command[0] == "train" else {
        throw TrainingError("cohort launch starts training runs: write `cohort launch -n 4 -- train run.yaml`.")
      }
      let configuration = try configuration()
      let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let launcher = Launcher(
        ranks: n, hostfile: try hostfile.map { try Hostfile(path: $0) }, command: [program] + command, run: configuration.output,
        retries: retries)
      return try launcher.start { complain("cohort launch: \($0)") }
    }
    throw ArgumentParser.ExitCode(code)
  }

  /// The configuration of the run that the command trains.
  private func configuration() throws -> RunConfiguration {
    do {
      let train = try Train.parse(Array(command.dropFirst()))
      return try RunConfiguration(file: train.file, overrides: train.overrides)
    } catch let error as TrainingError { throw error } catch { throw TrainingError(Train.message(for: error)) }
  }
}
