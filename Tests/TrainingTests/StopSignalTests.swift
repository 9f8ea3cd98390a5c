// Signals that ask a run to stop: obeyed whenever they come, and never on a thread that computes.

import Foundation
import TestSupport
import Testing

@Suite(.serialized, .sharedFolder { try TinyCohort.write(to: $0 + "/packs") }) struct StopSignalTests {
  /// A run of many steps on one rank, in a process of its own.
  private struct StartedRun {
    let process: Process
    let folder: String
    private let files = TemporaryFolder()

    init(_ keys: [String] = [], environment: [String: String] = [:]) throws {
      folder = files.path + "/run"
      try TinyCohort.runFile(data: SharedFolder.path + "/packs", output: folder, method: "supervised").write(
        toFile: files.path + "/run.yaml", atomically: true, encoding: .utf8)
      process = try startAlone(
        ["train", files.path + "/run.yaml", "steps=100000", "validation.every=0", "checkpoint.every=100000"] + keys,
        environment: environment, executable: "cohort")
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    func wait(until isSo: () -> Bool) throws {
      let deadline = Date().addingTimeInterval(60)
      while !isSo(), Date() < deadline, process.isRunning { usleep(500) }
      try #require(isSo())
    }

    /// The exit code; -1 after an end by a signal.
    func end() -> Int32 {
      process.waitUntilExit()
      return process.terminationReason == .exit ? process.terminationStatus : -1
    }

    /// The signals that each thread blocks.
    var blockedSignals: [UInt64] {
      let tasks = "/proc/\(process.processIdentifier)/task"
      return ((try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []).compactMap { task in
        let status = FileManager.default.contents(atPath: "\(tasks)/\(task)/status").map { String(decoding: $0, as: UTF8.self) }
        return status?.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }.flatMap { UInt64($0.dropFirst(8), radix: 16) }
      }
    }

    /// Checkpoints by name.
    var saved: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder + "/checkpoints")) ?? [] }
  }

  private static let stops: UInt64 = [SIGUSR1, SIGTERM, SIGINT].reduce(0) { $0 | 1 << UInt64($1 - 1) }

  /// The first line of the program holds the signals back; MPI starts only later.
  @Test(arguments: [SIGUSR1, SIGTERM, SIGINT]) func aStopWhileTheProgramStartsIsObeyedAtTheFirstStep(_ signal: Int32) throws {
    let run = try StartedRun()
    try run.wait { run.blockedSignals.contains { $0 & Self.stops == Self.stops } }
    run.send(signal)
    #expect(run.end() == 75)
    #expect(run.saved.contains("step-00000001"), "\(run.saved)")
  }

  /// What lies before the first step may take hours; the labels that are there are kept.
  @Test func aStopWhileLabelsAreCarriedIsObeyedBeforeTheFirstStep() throws {
    let run = try StartedRun(["pseudoLabels=registration"])
    try run.wait { run.blockedSignals.contains { $0 & Self.stops == Self.stops } }
    run.send(SIGUSR1)
    #expect(run.end() == 75)
    #expect(run.saved.isEmpty, "\(run.saved)")
  }

  /// oneDNN's product for AVX2 computes with the stack register on the heap: any handler that interrupts it destroys what lies there.
  @Test func signalsNeverInterruptAThreadThatComputes() throws {
    let run = try StartedRun(environment: ["ONEDNN_MAX_CPU_ISA": "AVX2", "OMP_NUM_THREADS": "2"])
    try run.wait { FileManager.default.fileExists(atPath: run.folder + "/metrics.jsonl") && run.blockedSignals.count > 3 }
    #expect(run.blockedSignals.filter { $0 & Self.stops == 0 }.count == 1)
    #expect(run.blockedSignals.filter { $0 & Self.stops == Self.stops }.count == run.blockedSignals.count - 1)
    for _ in 0..<2000 where run.process.isRunning {
      run.send(SIGUSR1)
      usleep(20)
    }
    #expect(run.end() == 75)
  }
}
