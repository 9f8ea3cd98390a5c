// slurm/train.sbatch in a made-up Slurm, where stand-ins for mpirun, srun, scontrol and cohort come first on the PATH and write
// down how they were called.

import Foundation
import TestSupport
import Testing

@Suite struct BatchScriptTests {
  @Test func aRunThatSavedAndStoppedIsQueuedAgain() throws {
    let script = try BatchScript(savedStep: 20, afterwards: 40, exitCode: 75)
    let outcome = try script.start()
    #expect(try script.calls("scontrol") == ["show job 17", "requeue 17"])
    #expect(outcome.code == 0)
    #expect(outcome.errors.contains("from step 40"))
  }

  /// A preemption may take mpirun's helpers first: ranks are lost, but what they saved is not.
  @Test(arguments: [1, 76, 77, 137]) func aJobThatLostRanksIsQueuedAgainAfterProgress(_ code: Int32) throws {
    let script = try BatchScript(savedStep: 20, afterwards: 40, exitCode: code)
    #expect(try script.start().code == 0)
    #expect(try script.calls("scontrol") == ["show job 17", "requeue 17"])
    let idle = try BatchScript(savedStep: 20, afterwards: 20, exitCode: code)
    #expect(try idle.start().code == (code == 77 ? 0 : code))
    #expect(try idle.calls("scontrol") == ["show job 17"] + (code == 77 ? ["requeue 17"] : []))
  }

  /// Killed by the stop that came before there were handlers, or suspended: nothing new is saved, and nothing is wrong.
  @Test(arguments: [138, 143, 77]) func aStartThatWasStoppedOrSuspendedIsRepeatedAFewTimes(_ code: Int32) throws {
    let script = try BatchScript(savedStep: 0, afterwards: 0, exitCode: code)
    let outcomes = try (0..<4).map { try script.start(["SLURM_RESTART_COUNT": "\($0)"]) }
    #expect(outcomes.map(\.code) == [0, 0, 0, code])
    #expect(outcomes[3].errors.contains("no new checkpoint since step 0"))
  }

  /// The script asks for the newest checkpoint before it starts the ranks.
  @Test func aStopBeforeTheRanksAreStartedReachesThem() throws {
    let script = try BatchScript(savedStep: 0, afterwards: 0, exitCode: 75)
    try script.write("#!/bin/bash\necho asked >> \"$SLURM_SUBMIT_DIR/signals.calls\"\nsleep 0.5\n", to: "bin/squeue")
    #expect(try script.start(signals: [SIGUSR1]).code == 0)
    #expect(try script.calls("signals").prefix(3) == ["asked", "ready", "USR1"])
  }

  /// mpirun's handlers are not there from the beginning, and its first ranks only later: the stop waits for the ones and is repeated for the others.
  @Test func aStopIsHeldBackUntilTheLauncherHandlesItAndIsRepeated() throws {
    let script = try BatchScript(savedStep: 0, afterwards: 1, exitCode: 75)
    try script.write(
      """
      #!/bin/bash
      kill -USR1 $PPID
      sleep 1.5
      trap 'echo USR1 >> "$SLURM_SUBMIT_DIR/signals.calls"' USR1
      until [ "$(grep -c USR1 "$SLURM_SUBMIT_DIR/signals.calls")" -ge 2 ]; do sleep 0.05; done
      echo 1 > "$SLURM_SUBMIT_DIR/step"
      exit 75
      """, to: "bin/mpirun")
    #expect(try script.start().code == 0)
    #expect(try script.calls("scontrol") == ["show job 17", "requeue 17"])
  }

  @Test(arguments: [0, 3, 4, 78, 79]) func otherCodesArePassedOn(_ code: Int32) throws {
    let script = try BatchScript(savedStep: 20, afterwards: 40, exitCode: code)
    #expect(try script.start().code == code)
    #expect(try script.calls("scontrol") == [])
  }

  @Test func noNewCheckpointEndsTheRestarts() throws {
    let script = try BatchScript(savedStep: 20, afterwards: 20, exitCode: 75)
    let outcome = try script.start()
    #expect(outcome.code == 75)
    #expect(try script.calls("scontrol") == ["show job 17"])
    #expect(outcome.errors.contains("no new checkpoint since step 20"))
  }

  @Test func restartsAreLimited() throws {
    for (restarts, code) in [("99", Int32(0)), ("100", 75)] {
      let script = try BatchScript(savedStep: 20, afterwards: 40, exitCode: 75)
      #expect(try script.start(["SLURM_RESTART_COUNT": restarts]).code == code)
      #expect(try script.calls("scontrol").contains("requeue 17") == (code == 0))
    }
  }

  @Test func aJobThatSlurmIsEndingIsLeftToSlurm() throws {
    let script = try BatchScript(savedStep: 20, afterwards: 40, exitCode: 75)
    #expect(try script.start(["JOB_STATE": "CANCELLED"]).code == 75)
    #expect(try script.calls("scontrol") == ["show job 17"])
  }

  @Test(arguments: [[SIGUSR1], [SIGTERM], [SIGUSR1, SIGTERM, SIGTERM]])
  func signalsReachTheRanksAsUSR1(_ signals: [Int32]) throws {
    let script = try BatchScript(savedStep: 20, afterwards: 40, exitCode: 75)
    #expect(try script.start(signals: signals).code == 0)
    let calls = try script.calls("signals")
    #expect(calls.first == "ready" && calls.dropFirst().allSatisfy { $0 == "USR1" } && calls.count > signals.count, "\(calls)")
    #expect(try script.calls("scontrol") == ["show job 17", "requeue 17"])
  }

  @Test func ranksGetTheArgumentsAndTheThreads() throws {
    let script = try BatchScript(savedStep: 0, afterwards: 0, exitCode: 0)
    _ = try script.start(["SLURM_CPUS_PER_TASK": "6"])
    let train = "\(script.submitted)/.build/release/cohort train run.yaml steps=9 patch=[32,32,32]"
    #expect(try script.calls("mpirun") == ["6 threads: --bind-to none -x OMP_NUM_THREADS \(train)"])
    _ = try script.start(["COHORT_LAUNCH": "srun"])
    #expect(try script.calls("srun") == ["1 threads: --mpi=pmix --cpus-per-task=1 --wait=60 \(train)"])
  }

  @Test(
    arguments: [
      ([:], "none"), (["JOB_END": "1970-01-01T00:20:34"], "1234"), (["SLURM_JOB_END_TIME": "99", "JOB_END": "NONE"], "99"),
    ] as [([String: String], String)])
  func theRunLearnsTheEndOfTheJob(_ variables: [String: String], _ end: String) throws {
    let script = try BatchScript(savedStep: 0, afterwards: 0, exitCode: 0)
    _ = try script.start(variables.merging(["TZ": "UTC"]) { $1 })
    #expect(try script.calls("end") == [end])
  }

  @Test(arguments: [
    ("output: runs/a", [], "runs/a"), ("output:   \"runs/b c\"  # mine", [], "runs/b c"), ("output: 'runs/d'", [], "runs/d"),
    ("output: runs/e # mine", ["output=runs/f", "output=runs/g"], "runs/g"),
  ])
  func progressIsLookedForInTheRunFolder(_ line: String, _ overrides: [String], _ folder: String) throws {
    let script = try BatchScript(savedStep: 0, afterwards: 0, exitCode: 0)
    try script.write("data: elsewhere\n\(line)\nsteps: 100\n", to: "run.yaml")
    _ = try script.start(arguments: ["run.yaml"] + overrides)
    #expect(try script.calls("cohort") == ["checkpoint list \(folder)"])
  }

  @Test func withoutArgumentsItTrainsOnTheDemo() throws {
    let script = try BatchScript(savedStep: 0, afterwards: 0, exitCode: 0)
    let refused = try script.start(arguments: [])
    #expect(refused.code == 3)
    #expect(refused.errors.contains("run make demo first"))
    #expect(try script.calls("mpirun") == [])

    try FileManager.default.createDirectory(atPath: script.submitted + "/demo/prepared", withIntermediateDirectories: true)
    #expect(try script.start(arguments: []).code == 0)
    #expect(try script.calls("mpirun").first?.hasSuffix("cohort train demo/slurm.yaml output=demo/runs/slurm") == true)
    #expect(try script.calls("cohort") == ["recipes demo-relif", "checkpoint list demo/runs/slurm"])
  }

  @Test func mistakesAreReportedBeforeTheStart() throws {
    let script = try BatchScript(savedStep: 0, afterwards: 0, exitCode: 0)
    #expect(try script.start(["COHORT_LAUNCH": "aprun"]).errors.contains("set it to mpirun or srun"))
    #expect(try script.start(arguments: ["absent.yaml"]).code == 3)
    try script.write("data: elsewhere\n", to: "run.yaml")
    #expect(try script.start().errors.contains("no key output"))
    try FileManager.default.removeItem(atPath: script.submitted + "/.build")
    #expect(try script.start().errors.contains("make build"))
    #expect(try script.calls("mpirun") == [])
  }
}

/// slurm/train.sbatch as job 17, submitted from a folder of its own with a stand-in for each program that it calls.
private final class BatchScript {
  static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "../../slurm/train.sbatch"
  ).standardized.path
  /// The folder from which the job was submitted.
  var submitted: String { folder.path }
  private let folder = TemporaryFolder()

  /// - Parameters:
  ///   - savedStep: the newest checkpoint when the job starts.
  ///   - afterwards: the newest checkpoint when the ranks end.
  ///   - exitCode: what the launcher returns.
  init(savedStep: Int, afterwards: Int, exitCode: Int32) throws {
    let launcher = """
      #!/bin/bash
      echo "$OMP_NUM_THREADS threads: $*" >> "$SLURM_SUBMIT_DIR/${0##*/}.calls"
      echo "${SLURM_JOB_END_TIME:-none}" > "$SLURM_SUBMIT_DIR/end.calls"
      signals=0; trap 'signals=$((signals + 1)); echo USR1 >> "$SLURM_SUBMIT_DIR/signals.calls"' USR1
      echo ready >> "$SLURM_SUBMIT_DIR/signals.calls"
      for try in {1..400}; do [ $signals -ge ${SIGNALS:-0} ] && break; sleep 0.05; done
      echo \(afterwards) > "$SLURM_SUBMIT_DIR/step"
      exit \(exitCode)
      """
    try write(launcher, to: "bin/mpirun")
    try write(launcher, to: "bin/srun")
    // The end of the job as squeue would print it.
    try write("#!/bin/bash\necho \"${JOB_END:-NONE}\"\n", to: "bin/squeue")
    try write(
      """
      #!/bin/bash
      echo "$*" >> "$SLURM_SUBMIT_DIR/scontrol.calls"
      [ "$1" = show ] && echo "   JobState=${JOB_STATE:-RUNNING} Reason=None"
      exit 0
      """, to: "bin/scontrol")
    try write(
      """
      #!/bin/bash
      grep -qx -- "$*" "$SLURM_SUBMIT_DIR/cohort.calls" 2>/dev/null || echo "$*" >> "$SLURM_SUBMIT_DIR/cohort.calls"
      case $1 in
        recipes) echo "output: demo/runs/relif" ;;
        checkpoint) for step in 10 $(cat "$SLURM_SUBMIT_DIR/step"); do echo "step $step  99 bytes  today  path"; done ;;
      esac
      """, to: ".build/release/cohort")
    try write("data: elsewhere\noutput: runs/one\n", to: "run.yaml")
    try write("\(savedStep)\n", to: "step")
  }

  /// Writes a file of the submission folder; one that begins with `#!` can be executed.
  func write(_ text: String, to name: String) throws {
    let file = "\(submitted)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try text.write(toFile: file, atomically: false, encoding: .utf8)
    if text.hasPrefix("#!") { try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file) }
  }

  /// Runs the script once as Slurm would: elsewhere, with its variables. Each of `signals` is sent to it when the launcher has dealt with the
  /// one before; the launcher ends after the last.
  func start(
    _ variables: [String: String] = [:], arguments: [String] = ["run.yaml", "steps=9", "patch=[32,32,32]"], signals: [Int32] = []
  ) throws -> Outcome {
    var environment = ["PATH": "\(submitted)/bin:/usr/bin:/bin", "SLURM_SUBMIT_DIR": submitted, "SLURM_JOB_ID": "17"]
    environment["SIGNALS"] = "\(signals.count)"
    environment.merge(variables) { $1 }
    let log = "\(submitted)/cohort-17.out"
    if !FileManager.default.fileExists(atPath: log) { try write("", to: "cohort-17.out") }
    return try run("/bin/bash", [Self.path] + arguments, environment: environment, log: log) { process in
      for (number, signal) in signals.enumerated() {
        for _ in 0..<400 where (try? calls("signals").count) ?? 0 <= number { usleep(25_000) }
        kill(process, signal)
      }
    }
  }

  /// How a stand-in was called, one line for each call; of cohort each different call once.
  func calls(_ program: String) throws -> [String] {
    let file = "\(submitted)/\(program).calls"
    guard FileManager.default.fileExists(atPath: file) else { return [] }
    return try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(String.init)
  }
}

private struct Outcome {
  let code: Int32
  let errors: String
}

/// Runs a program in the temporary folder to its end; `meanwhile` gets its process number.
/// - Parameter log: the file to which its errors are appended.
private func run(
  _ program: String, _ arguments: [String], environment: [String: String], log: String, meanwhile: (Int32) -> Void
) throws -> Outcome {
  let process = Process(), errors = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
  try errors.seekToEnd()
  process.executableURL = URL(fileURLWithPath: program)
  process.arguments = arguments
  process.environment = environment
  process.currentDirectoryURL = FileManager.default.temporaryDirectory
  process.standardOutput = FileHandle.nullDevice
  process.standardError = errors
  try withoutBlockedSignals { try process.run() }
  meanwhile(process.processIdentifier)
  process.waitUntilExit()
  return Outcome(code: process.terminationStatus, errors: try String(contentsOfFile: log, encoding: .utf8))
}
