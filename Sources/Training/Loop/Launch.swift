// From a command line to the loop: every rank reads the same run file, everything is checked before the first step, and what goes wrong on
// one rank ends all of them with one message.

import Cluster
import Foundation
import Kernels
import MPI
import Methods

/// Runs `cohort train` on all ranks of `world` and returns the exit code (shared/spec/distributed.md 4.4).
///
/// - Parameters:
///   - file: the run file, read by rank 0.
///   - overrides: `key=value` texts that replace keys of the file.
public func launchTraining(file: String, overrides: [String], over world: borrowing Communicator) throws -> Int32 {
  let console = Console(rank: world.rank)
  StopSignal.install()
  var lease: RunLease?
  var run: Run?
  let failure = try preflight(over: world, console: console) { world in
    let yaml = try sharedText(file, over: world)
    let configuration = try RunConfiguration(yaml: yaml, source: file, overrides: overrides)
    try chooseThreads(configuration.integer("threads"), over: world)
    let made = try Run(configuration, rank: world.rank, ranks: world.size)
    if world.rank == 0 {
      try makeRunFolder(configuration)
      lease = try RunLease(folder: configuration.output)
    }
    run = made
  }
  if let failure { return failure }
  do {
    let outcome = try withExtendedLifetime(lease) { try train(run!, over: world, console: console) }
    return outcome.end == .completed ? ExitCode.success.rawValue : ExitCode.requeue.rawValue
  } catch {
    reportAndAbort(error, code: exitCode(of: error), over: world)
  }
}

/// Runs `body` on every rank; if it fails on any, rank 0 says the error of the lowest such rank once. Collective.
/// - Returns: the exit code of the failure, nil if all went well.
public func preflight(
  over world: borrowing Communicator, console: Console, _ body: (borrowing Communicator) throws -> Void
) throws -> Int32? {
  var message: String?, code = Int64(0)
  do { try body(world) } catch {
    message = "\(error)"
    code = Int64(exitCode(of: error).rawValue)
  }
  guard let failure = try agree(message, over: world) else { return nil }
  let agreed = try world.allreduce(failure.rank == world.rank ? code : 0, .maximum)
  if world.rank == 0 { FileHandle.standardError.write(Data("cohort: \(failure.message)\n".utf8)) }
  return Int32(agreed)
}

func exitCode(of error: any Error) -> ExitCode {
  if let error = error as? TrainingError { return ExitCode(rawValue: error.exitCode) ?? .configuration }
  return error is ClusterError || error is MPIError ? .fatal : .configuration
}

/// The text of a file that only rank 0 need see. Collective; every rank throws the same error.
private func sharedText(_ file: String, over world: borrowing Communicator) throws -> String {
  var text = "", complaint: String?
  if world.rank == 0 {
    do { text = try String(contentsOfFile: file, encoding: .utf8) } catch {
      complaint = "cannot read the run file \(file): check the path, or print a ready one with `cohort recipes demo-relif`."
    }
  }
  if let failure = try agree(complaint, over: world) { throw TrainingError(failure.message) }
  return try world.broadcast(text: text, from: 0)
}

/// Threads of this rank: as asked; else OMP_NUM_THREADS; else the processors it may run on, shared out over the ranks of the host unless the
/// launcher has bound each to its own.
private func chooseThreads(_ asked: Int, over world: borrowing Communicator) throws {
  if asked > 0 { return Threads.set(asked) }
  if ProcessInfo.processInfo.environment["OMP_NUM_THREADS"] != nil { return }
  let host = Communicator.hostName
  let sharing = try world.allgather(text: host).filter { $0 == host }.count
  let isBound = Threads.count < ProcessInfo.processInfo.processorCount
  if !isBound { Threads.set(Threads.count / sharing) }
}

/// Makes the run folder and writes the resolved configuration into it. On rank 0.
private func makeRunFolder(_ configuration: RunConfiguration) throws(TrainingError) {
  let path = configuration.output + "/run.yaml"
  do {
    try FileManager.default.createDirectory(atPath: configuration.output, withIntermediateDirectories: true)
    try Data(configuration.yaml.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
  } catch {
    throw TrainingError(
      "cannot write the run folder \(configuration.output) (\(error.localizedDescription)): "
        + "choose a writable folder with free space as output.", exitCode: 79)
  }
}
