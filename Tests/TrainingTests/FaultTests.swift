// One rank fails in every way that we can think of: the job ends, one message names rank, step and operation, what every rank did
// last is on disk, no process is left; and `cohort launch` goes on from there.

import Cluster
import Foundation
import TestSupport
import Testing
import Weights

@Suite(.serialized) struct FaultTests {
  /// A run folder, the run file in it, and a mark in the environment of its processes.
  struct Trial {
    let folder: String
    let mark = UUID().uuidString
    var run: String { folder + "/run" }
    var file: String { folder + "/run.yaml" }

    init(_ folder: String, _ keys: [String: String] = [:]) throws {
      self.folder = folder
      try TinyCohort.write(to: folder + "/packs")
      try TinyCohort.runFile(data: folder + "/packs", output: run).write(toFile: file, atomically: true, encoding: .utf8)
    }

    /// Trains on three ranks with a deadline of 3 seconds.
    func train(_ fault: String) throws -> (status: Int32, output: String) {
      try mpirun(
        3, ["train", file, "method=supervised", "watch.deadline=3"], timeout: 60, environment: environment(fault),
        executable: "cohort")
    }

    /// It needs no settings of Open MPI, also as root and with fewer processors than ranks.
    func launch(_ fault: String, _ arguments: [String] = []) throws -> (status: Int32, output: String) {
      try runAlone(
        ["launch", "-n", "3"] + arguments + ["--", "train", file, "method=supervised", "watch.deadline=3"], timeout: 100,
        environment: environment(fault).filter { !$0.key.hasPrefix("OMPI_") }, executable: "cohort")
    }

    func environment(_ fault: String = "") -> [String: String] {
      var environment = [
        "COHORT_TEST": mark, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
      ]
      if !fault.isEmpty { environment[Fault.variable] = fault }
      return environment
    }

    /// The processes of this trial that live on: mpirun leaves when it has killed a rank, and the kernel takes some milliseconds more for it.
    var survivors: [String] {
      let latest = Date(timeIntervalSinceNow: 2)
      while !living.isEmpty, Date() < latest { usleep(10_000) }
      return living
    }

    private var living: [String] {
      let wanted = Data("COHORT_TEST=\(mark)".utf8)
      return ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter { name in
        FileManager.default.contents(atPath: "/proc/\(name)/environ")?.split(separator: 0).contains { $0 == wanted } ?? false
      }
    }

    var incidents: [Incident] {
      Incident.names(ofRun: run).compactMap { name in
        FileManager.default.contents(atPath: "\(run)/incidents/\(name)").flatMap {
          try? JSONDecoder().decode(Incident.self, from: $0)
        }
      }
    }
  }

  /// What the launcher of the ranks may end with: its own code depends on whether it sees the dead process or the abort of the
  /// others first.
  func codes(_ kind: FaultKind) -> [Int32] {
    switch kind {
    case .kill: [137, 76]
    case .stop, .mpiError: [76]
    case .stall: [77]
    case .trap, .memory: [132, 133, 134, 76]
    case .segv: [139, 76]
    case .error, .hdf5Error: [78]
    case .flip: []
    }
  }

  /// A bit that is turned over has tests of its own (DriftTests).
  @Test(arguments: FaultKind.allCases.filter { $0 != .flip }.map { ($0, 1) } + [(.kill, 0), (.stop, 0), (.segv, 0)])
  func oneRanksFaultEndsAllWithOneMessage(kind: FaultKind, rank: Int) throws {
    try withTemporaryFolder { folder in
      let trial = try Trial(folder)
      let (status, output) = try trial.train("\(kind.rawValue):rank=\(rank),step=12")
      #expect(codes(kind).contains(status), "\(status): \(output)")
      #expect(trial.survivors == [], "nothing is left")

      let messages = output.split(separator: "\n").filter { $0.hasPrefix("cohort: ") }
      #expect(messages.count == 1, "\(output)")
      let place = "rank \(rank) of 3 on \(ProcessInfo.processInfo.hostName)"
      #expect(messages.first?.contains(place) == true, "\(messages)")
      #expect(messages.first?.contains("load of step 12") == true, "\(messages)")

      let incident = try #require(trial.incidents.first, "an incident is left")
      #expect(trial.incidents.count == 1 && incident.rank == rank && incident.step == 12, "\(incident)")
      let (flown, table) = try runAlone(["flight", trial.run], executable: "cohort")
      let row = table.split(separator: "\n").first { $0.hasPrefix("\(rank) ") } ?? ""
      // mpirun lets a stopped rank go on for a moment before it ends it.
      #expect(flown == 0 && row.contains("12  ") && (row.contains("load") || kind == .stop), "\(table)")
      #expect(row.contains("crashed") == [.trap, .segv, .memory].contains(kind), "\(table)")
    }
  }

  /// A rank that stops before MPI starts: nobody can learn of it by messages.
  @Test func aRankThatNeverComesIsNamed() throws {
    try withTemporaryFolder { folder in
      let trial = try Trial(folder)
      let rank = [builtExecutable("cohort"), "train", trial.file, "method=supervised"]
      let absent = ["sh", "-c", #"kill -STOP $$; exec "$@""#, "sh"] + rank
      let (status, output) = try runProgram(
        ["mpirun", "--timeout", "60", "-n", "1"] + rank + [":", "-n", "1"] + absent + [":", "-n", "1"] + rank,
        environment: trial.environment().merging(["COHORT_START_DEADLINE": "3"]) { $1 })
      #expect(status == 76 && trial.survivors == [], "\(status): \(output)")
      let messages = output.split(separator: "\n").filter { $0.hasPrefix("cohort: ") }
      let expected = "cohort: rank 1 of 3 on \(ProcessInfo.processInfo.hostName) is stopped"
      #expect(messages.count == 1 && messages[0].hasPrefix(expected), "\(output)")
    }
  }

  /// A file system that does not answer.
  @Test func dataThatCannotBeOpenedDoesNotHangTheRun() throws {
    try withTemporaryFolder { folder in
      let trial = try Trial(folder), lease = try FileLease(folder + "/packs/packs.json")
      defer { lease.end() }
      let (status, output) = try mpirun(
        2, ["train", trial.file, "method=supervised", "watch.deadline=1"], environment: trial.environment(), executable: "cohort")
      #expect(status == 77 && trial.survivors == [], "\(status): \(output)")
      // Ranks are judged once in each second: when it is noticed is not the same in every run.
      let expected = #/cohort: rank [01] of 2 on (\S+) hangs in start \(data and method\) since \d+\.\d s \(deadline 10\.0 s\)/#
      let message = try #require(output.firstMatch(of: expected), "\(output)")
      #expect(String(message.1) == ProcessInfo.processInfo.hostName)
      #expect(trial.incidents.count == 1)
    }
  }

  @Test func aLaunchThatLostARankEndsInTheSameBytes() throws {
    try withTemporaryFolder { folder in
      let disturbed = try Trial(folder + "/a"), whole = try Trial(folder + "/b")
      let (status, output) = try disturbed.launch("kill:rank=1,step=27,attempt=1")
      #expect(status == 0 && output.components(separatedBy: "cohort launch: mpirun ").count == 3, "\(output)")
      #expect(output.contains("continuing") && disturbed.survivors == [], "\(output)")
      #expect(try whole.launch("").status == 0)
      #expect(try bytes(disturbed) == bytes(whole), "the same weights to the last bit")
    }
  }

  /// The weights at the end, as bytes of a file.
  func bytes(_ trial: Trial) throws -> Data {
    let path = trial.folder + "/weights.safetensors"
    let (status, output) = try runAlone(["checkpoint", "export", trial.run, "--output", path], executable: "cohort")
    try #require(status == 0, "\(output)")
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  @Test func aStepThatFailsThreeTimesIsNotTriedAFourthTime() throws {
    try withTemporaryFolder { folder in
      let trial = try Trial(folder)
      let (status, output) = try trial.launch("kill:rank=2,step=15")
      #expect(status == ExitCode.fatal.rawValue && output.contains("step 15 has failed 3 times"), "\(output)")
      #expect(output.components(separatedBy: "cohort launch: mpirun ").count == 4 && trial.incidents.count == 3, "\(output)")
      #expect(trial.survivors == [])
    }
  }

  @Test func errorsThatARestartCannotMendEndTheLaunch() throws {
    try withTemporaryFolder { folder in
      let trial = try Trial(folder)
      let (status, output) = try trial.launch("error:rank=1,step=3")
      #expect(status == 78 && output.components(separatedBy: "cohort launch: mpirun").count == 2, "\(output)")
      for (arguments, text) in [
        (["launch", "-n", "2", "--", "predict", "x"], "launch starts training runs"),
        (["launch", "-n", "2", "--", "train", folder + "/none.yaml"], "cannot read the run file"),
        (["launch", "-n", "2", "--hostfile", folder + "/none", "--", "train", trial.file], "cannot read the hostfile"),
        (["flight", folder], "holds no flight records"),
      ] {
        let (status, output) = try runAlone(arguments, executable: "cohort")
        #expect(status == 3 && output.lowercased().contains(text), "\(arguments): \(output)")
      }
    }
  }
}
