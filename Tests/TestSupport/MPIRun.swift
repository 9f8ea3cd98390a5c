// Starting a program of this package under mpirun from a test, with a time limit; MPI never runs inside the test process.

import Foundation
import Synchronization

/// One launch at a time: tests run in parallel, and the ranks of several jobs would only wait for each other's cores.
private let launching = Mutex(())

/// Runs `executable` (a product of this package) on `ranks` ranks and waits for it.
///
/// - Parameters:
///   - seconds: the job is ended and its status is not 0 when it takes longer.
///   - environment: added to this process's environment, from which what belongs to another MPI job is removed.
/// - Returns: mpirun's exit status, and what it and all ranks wrote to standard output and error.
public func mpirun(
  _ ranks: Int, _ arguments: [String], timeout seconds: Int = 60, environment: [String: String] = [:],
  executable: String = "cohort-scenarios"
) throws -> (status: Int32, output: String) {
  try launching.withLock { _ in
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      [
        "mpirun", "--allow-run-as-root", "--oversubscribe", "--timeout", "\(seconds)", "-n", "\(ranks)",
        builtExecutable(executable),
      ]
      + arguments
    process.environment = childEnvironment(environment)
    return try run(process, limit: seconds + 10)
  }
}

/// Runs `executable` (a product of this package) as one process without mpirun.
public func runAlone(
  _ arguments: [String], timeout seconds: Int = 60, environment: [String: String] = [:], executable: String = "cohort-scenarios"
) throws -> (status: Int32, output: String) {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: builtExecutable(executable))
  process.arguments = arguments
  process.environment = childEnvironment(environment)
  return try run(process, limit: seconds)
}

/// Runs any program, found on the PATH, to its end.
public func runProgram(_ command: [String], environment: [String: String] = [:]) throws -> (code: Int32, text: String) {
  try launching.withLock { _ in
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = childEnvironment(environment)
    let outcome = try run(process, limit: 600)
    return (outcome.status, outcome.output)
  }
}

/// Runs `body` with no signal blocked: tests run on pool threads that block all of them, and a child inherits that.
public func withoutBlockedSignals<Result>(_ body: () throws -> Result) rethrows -> Result {
  var none = sigset_t(), before = sigset_t()
  sigemptyset(&none)
  pthread_sigmask(SIG_SETMASK, &none, &before)
  defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
  return try body()
}

/// Starts `executable` as one process without mpirun and lets it run; its output is thrown away. The caller ends it.
public func startAlone(_ arguments: [String], environment: [String: String] = [:], executable: String) throws -> Process {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: builtExecutable(executable))
  process.arguments = arguments
  process.environment = childEnvironment(environment)
  process.standardOutput = FileHandle.nullDevice
  process.standardError = FileHandle.nullDevice
  process.standardInput = FileHandle.nullDevice
  try withoutBlockedSignals { try process.run() }
  return process
}

/// The path of an executable of this package, as the tests were built.
public func builtExecutable(_ name: String) -> String { "\(builtFolder)/\(name)" }

/// Where the executables lie: beside the test program.
public var builtFolder: String {
  let test = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
  return URL(fileURLWithPath: test).deletingLastPathComponent().path
}

/// A child that inherits the variables of another MPI job would wait for that job for ever.
private func childEnvironment(_ added: [String: String]) -> [String: String] {
  let foreign = ["OMPI_", "PMIX_", "PRTE_", "ORTE_"]
  var environment = ProcessInfo.processInfo.environment.filter { entry in !foreign.contains { entry.key.hasPrefix($0) } }
  environment["OMP_NUM_THREADS"] = "1"
  return environment.merging(added) { $1 }
}

private func run(_ process: Process, limit seconds: Int) throws -> (status: Int32, output: String) {
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = pipe
  process.standardInput = FileHandle.nullDevice
  try withoutBlockedSignals { try process.run() }
  let identifier = process.processIdentifier
  let kill = DispatchWorkItem {
    // mpirun ends its ranks on a signal; the kill is for one that ignores it.
    Glibc.kill(identifier, SIGTERM)
    sleep(2)
    Glibc.kill(getpgid(identifier) == identifier ? -identifier : identifier, SIGKILL)
  }
  DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds), execute: kill)
  let output = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  kill.cancel()
  return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}
