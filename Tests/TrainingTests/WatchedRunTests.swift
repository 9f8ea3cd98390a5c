// A run as a person who watches it finds it: killed once, continued on three ranks, with logs, events, a metrics page and a
// merged trace.

import Foundation
import TestSupport
import Testing
import Training

@Suite(.serialized) struct WatchedRunTests {
  let folder = TemporaryFolder()
  var run: String { folder.path + "/run" }

  func text(_ name: String) throws -> String { try String(contentsOfFile: "\(run)/\(name)", encoding: .utf8) }

  func objects(_ name: String) throws -> [[String: Any]] {
    try text(name).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  func cohort(_ arguments: [String]) throws -> (status: Int32, output: String) { try runAlone(arguments, executable: "cohort") }

  /// Attempt 1 is killed after step 13; attempt 2 goes on from the checkpoint before on three ranks and traces five steps.
  @Test func aKilledAndResumedRunLeavesLogsEventsMetricsAndTrace() throws {
    let file = folder.path + "/run.yaml"
    try TinyCohort.write(to: folder.path + "/packs")
    try TinyCohort.runFile(data: folder.path + "/packs", output: run, method: "supervised").write(
      toFile: file, atomically: true, encoding: .utf8)
    try runUntilKilled(["train", file], run: run, afterStep: 13)
    let second = try mpirun(3, ["train", file, "trace.steps=[28, 32]"], timeout: 120, executable: "cohort")
    try #require(second.status == 0, "\(second.output)")
    #expect(second.output.contains("a step on each rank"), "the table of ranks")

    try logs()
    try events()
    try metrics()
    try trace()
    try report()
  }

  func logs() throws {
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: run + "/logs").sorted() == [
        "rank-0000.attempt-01.log", "rank-0000.attempt-02.log", "rank-0001.attempt-02.log", "rank-0002.attempt-02.log",
      ])
    for rank in 0..<3 {
      let log = try text("logs/rank-000\(rank).attempt-02.log"), lines = log.split(separator: "\n")
      #expect(lines.first?.contains("rank \(rank) of 3 on ") == true && lines.first?.contains("threads 1, processors ") == true)
      #expect(lines.first?.hasSuffix("lanes \(rank) to \(rank)") == true, "\(log)")
      for expected in ["step 30: saved ", "step 25: step 25: Dice", "step 50: ends with code 0"] {
        #expect(log.contains(expected), "\(expected) in \(log)")
      }
      #expect(lines.allSatisfy { $0.contains(#/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z step \d+: \S/#) }, "\(log)")
    }
  }

  func events() throws {
    let events = try objects("events.jsonl")
    func summaries(_ attempt: Int) -> [String] {
      events.filter { $0["attempt"] as? Int == attempt }.map { "\($0["event"]!) \($0["step"]!)" }
    }
    #expect(summaries(1).starts(with: ["start 0", "save 10"]) && summaries(1).allSatisfy { !$0.hasPrefix("end") })
    // A machine that is slow to kill lets the first attempt reach step 20.
    let resumed = try #require(events.first { $0["event"] as? String == "resume" }?["step"] as? Int)
    #expect(
      summaries(2) == ["start \(resumed)", "resume \(resumed)"] + (resumed < 20 ? ["save 20"] : []) + [
        "validation 25", "save 30", "save 40", "validation 50", "save 50", "end 50",
      ])
    let start = try #require(events.first { $0["event"] as? String == "start" && $0["attempt"] as? Int == 2 })
    #expect(start["ranks"] as? Int == 3 && (start["hosts"] as? [String])?.count == 3 && start["threads"] as? Int == 1)
    let versions = try #require(start["versions"] as? [String: String])
    #expect(versions["mpi"]?.contains("MPI") == true && versions["hdf5"]?.contains(/^\d+\.\d+\.\d+$/) == true)
    #expect(versions.values.allSatisfy { !$0.isEmpty && $0 != "unknown" }, "\(versions)")
    let save = try #require(events.last { $0["event"] as? String == "save" })
    #expect((save["bytes"] as? Int ?? 0) > 1000 && (save["seconds"] as? Double ?? 0) > 0)
    let end = try #require(events.last)
    #expect(end["code"] as? Int == 0 && (end["times"] as? [[String: Any]])?.count == 3)
  }

  func metrics() throws {
    for line in try objects("metrics.jsonl") where line["kind"] as? String == "step" {
      let numbers = line.compactMapValues { $0 as? Double }
      let parts = try ["loadSeconds", "computeSeconds", "waitSeconds"].map { try #require(numbers[$0]) }
      // The slowest rank may have begun a step before rank 0 did, whose clock "seconds" is.
      #expect(parts.allSatisfy { $0 >= 0 } && parts[1] > parts[0] && parts[1] >= numbers["meanComputeSeconds"]!, "\(line)")
      #expect([0, 1, 2].contains(try #require(numbers["slowestRank"])))
    }
    let samples = try PrometheusText(text("metrics.prom")).samples
    for (name, value) in [("step", 50.0), ("planned_steps", 50), ("checkpoint_step", 50), ("restarts", 1)] {
      #expect(samples["cohort_" + name] == [["run": run]: value], "\(name)")
    }
    for name in [
      "loss", "validation_dice", "step_seconds", "samples_per_second", "exposed_communication_ratio", "checkpoint_age_seconds",
      "slowest_rank",
    ] {
      #expect(samples["cohort_" + name]?[["run": run]].map { $0.isFinite && $0 >= 0 } == true, "\(name)")
    }
    #expect(samples["cohort_rank_wait_seconds"]?.count == 3)
  }

  func trace() throws {
    let path = folder.path + "/trace.json"
    let merged = try cohort(["trace", "merge", run, "--output", path])
    #expect(merged.status == 0, "\(merged.output)")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
    let all = try #require(object["traceEvents"] as? [[String: Any]]), spans = all.filter { $0["ph"] as? String == "X" }
    #expect(all.count { $0["name"] as? String == "process_name" } == 3)
    for name in ["load", "forward", "backward", "average", "control", "update"] {
      #expect(spans.count { $0["name"] as? String == name } == 15, "\(name): five steps on three ranks")
    }
    #expect(spans.count { $0["name"] as? String == "checkpoint" } == 3, "step 30")
    // Nobody has the control word before everybody has given a part of it; averages begin before the main thread waits for them. Clocks are
    // right to half a round trip, which on a busy machine is long.
    let parts = try (0..<3).map {
      try JSONDecoder().decode(TracePart.self, from: Data(text("trace/rank-000\($0).attempt-02.json").utf8))
    }
    let allowed = parts.flatMap(\.clock).map(\.roundTrip).max()! * 1e6 + 1
    #expect(parts.allSatisfy { $0.clock.count == 2 } && allowed < 1e5)
    for step in 28...32 {
      let ofStep = spans.filter { $0["name"] as? String == "control" && ($0["args"] as? [String: Any])?["step"] as? Int == step }
      let starts = ofStep.map { $0["ts"] as! Double }, ends = ofStep.map { ($0["ts"] as! Double) + ($0["dur"] as! Double) }
      #expect(starts.max()! < ends.min()! + allowed, "step \(step)")
    }

    try FileManager.default.removeItem(atPath: run + "/trace/rank-0001.attempt-02.json")
    let lacking = try cohort(["trace", "merge", run, "--output", path])
    #expect(lacking.status == 3 && lacking.output.contains("lacks the trace of rank 1"))
    try "{\"traceEv".write(toFile: run + "/trace/rank-0001.attempt-02.json", atomically: true, encoding: .utf8)
    let damaged = try cohort(["trace", "merge", run, "--output", path])
    #expect(damaged.status == 3 && damaged.output.contains("rank-0001.attempt-02.json") && damaged.output.contains("no JSON"))
    let none = try cohort(["trace", "merge", folder.path, "--output", path])
    #expect(none.status == 3 && none.output.contains("trace.steps"))
  }

  func report() throws {
    let report = try cohort(["report", "run", run])
    #expect(report.status == 0 && report.output.contains("killed, or still running") && report.output.contains("code 0"))
    #expect(report.output.split(separator: "\n").count { $0.contains(/^[012] .* %$/) } == 3, "\(report.output)")
    let json = try cohort(["report", "run", run, "--json"])
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    let saves = try objects("events.jsonl").count { $0["event"] as? String == "save" }
    #expect((object["attempts"] as? [Any])?.count == 2 && object["saves"] as? Int == saves)
    let page = folder.path + "/run.html", written = try cohort(["report", "run", run, "--html", page])
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(written.status == 0 && html.components(separatedBy: "<svg").count >= 4, "\(written.output)")
    #expect(written.output.contains("2 attempts"))
    #expect(!html.contains("src=") && !html.contains("href="))
    // A page is replaced, another file is not.
    #expect(try cohort(["report", "run", run, "--html", page]).status == 0)
    try "mine".write(toFile: folder.path + "/mine.html", atomically: true, encoding: .utf8)
    #expect(try cohort(["report", "run", run, "--html", folder.path + "/mine.html"]).status == 3)
    let nowhere = try cohort(["report", "run", folder.path + "/nowhere"])
    #expect(nowhere.status == 3 && nowhere.output.contains("events.jsonl"))
  }
}
