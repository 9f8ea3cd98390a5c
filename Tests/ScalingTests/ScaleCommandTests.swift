// `cohort scale` as a user types it: a rehearsed study on one and two ranks from plan to report, interrupted and continued; steps
// of a real run; the study of STUDIES.md.

import Foundation
import TestSupport
import Testing
import Training

import Scaling

@Suite(.serialized) struct ScaleCommandTests {
  /// mpirun refuses root unless told twice; the study's launcher inherits this.
  private let asRoot = ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"]

  private func cohort(_ arguments: [String], expecting code: Int32 = 0) throws -> String {
    let (status, output) = try runAlone(arguments, timeout: 170, environment: asRoot, executable: "cohort")
    try #require(status == code, "\(arguments): \(status): \(output)")
    return output
  }

  /// Lane times of 4 and 6 ms, two thirds of them backward.
  private func writeTrace(to path: String) throws {
    let lanes = (0..<10).map { LaneTime(forward: $0 % 2 == 0 ? 0.0013 : 0.002, backward: $0 % 2 == 0 ? 0.0027 : 0.004) }
    try LaneTrace(source: "made up", reduction: "exact", arrays: [4000, 10_000, 6000], lanes: lanes).write(to: path)
  }

  private func writeStudy(in folder: String, nodes: String = "[1, 2]") throws -> String {
    try writeTrace(to: folder + "/lanes.json")
    let yaml = """
      output: \(folder)/study
      compute: replay:\(folder)/lanes.json
      nodes: \(nodes)
      weak: 3
      strong: 4
      allreduce: [4K, 64K]
      warmup: 1
      steps: 6

      """
    try yaml.write(toFile: folder + "/study.yaml", atomically: true, encoding: .utf8)
    return folder + "/study.yaml"
  }

  @Test func aRehearsedStudyFromPlanToReport() throws {
    try withTemporaryFolder { folder in
      let file = try writeStudy(in: folder)
      let plan = try cohort(["scale", "plan", file])
      #expect(plan.split(separator: "\n").count == 26 && plan.contains("25 measurements, 0 of them exist"), "\(plan)")
      #expect(try cohort(["scale", "report", file], expecting: 3).contains("start `cohort scale run` first"))
      #expect(try cohort(["scale", "run", file]).contains("25 measurements in"))

      // What an interruption leaves: a line is missing and another is cut off. Only these two are measured again.
      let path = folder + "/study/measurements.jsonl", text = try String(contentsOfFile: path, encoding: .utf8)
      try String(text.split(separator: "\n").dropFirst().joined(separator: "\n").dropLast(30))
        .write(toFile: path, atomically: true, encoding: .utf8)
      let again = try cohort(["scale", "run", folder + "/study"])
      #expect(again.contains("23 of 25 measurements exist") && again.contains("[25/25]") && !again.contains("[23/25]"))

      let study = try Study(path: file),
        measurements = try StudyFolder(study.output).measurements(settings: try study.settingsHash())
      #expect(Set(measurements.map(\.point)) == Set(study.order))
      try check(measurements)
      try checkReport(file, folder + "/study")
    }
  }

  /// Sleeps are as long as in the trace; what identifies a measurement is there; all of it is called emulated.
  private func check(_ measurements: [Scaling.Measurement]) throws {
    for measurement in measurements {
      let run = measurement.run, point = measurement.point
      #expect(measurement.evidence == .emulated && run.identity.hosts.count == point.ranks && run.identity.binary.count == 1)
      #expect(!run.identity.configuration.isEmpty && !run.identity.blasCore[0].isEmpty && run.identity.threads == 1)
      guard point.kind != .allreduce else {
        #expect(run.allreduce?.rows.map(\.bytes) == [4096, 4096, 65536, 65536])
        continue
      }
      #expect(run.steps.count == 6 && run.averagedBytes == 20_000 * (point.lanes == point.ranks ? 4 : 6))
      let least = 0.004 * Double(point.lanesOfBusiestRank)
      for step in run.steps {
        #expect(step.compute >= least && step.wall >= step.compute)
        let parts: Double = step.compute + step.wait + step.exposed + step.input
        #expect(abs(parts - step.wall) < 1e-9)
      }
    }
  }

  private func checkReport(_ file: String, _ folder: String) throws {
    #expect(try cohort(["scale", "report", file]).contains("report.html"))
    let table = try String(contentsOfFile: folder + "/scaling.csv", encoding: .utf8).split(separator: "\n")
    let columns = table[0].split(separator: ","), emulated = try #require(columns.firstIndex(of: "throughput.emulated"))
    let modelled = try #require(columns.firstIndex(of: "throughput.modelled"))
    #expect(!columns.contains("throughput.measured") && columns.contains("throughput.modelled.low"))
    for line in table.dropFirst() {
      let cells = line.split(separator: ",", omittingEmptySubsequences: false)
      #expect(cells.count == columns.count && !cells[modelled].isEmpty)
      #expect(cells[emulated].isEmpty == (Int(cells[1])! > 2), "only what was rehearsed stands there: \(line)")
    }
    #expect(table.contains { $0.hasPrefix("weak,1024,") } && !table.contains { $0.hasPrefix("strong,8,") })
    let page = try String(contentsOfFile: folder + "/report.html", encoding: .utf8)
    #expect(page.components(separatedBy: "<svg").count == 8, "three pictures of each kind and one of messages")
    #expect(!page.contains("<script") && !page.contains("src=") && page.contains("Up to 2 nodes shared 1 machine"))
    let model = try cohort(["scale", "model", file])
    #expect(model.contains("modelled") && model.contains("  1024 ") && model.contains("needs three numbers of nodes"))
  }

  @Test func aFailingMeasurementIsReportedAndTriedAgain() throws {
    try withTemporaryFolder { folder in
      let file = try writeStudy(in: folder)
      // A lane of negative time is refused by every measurement: three in a row end the study.
      let trace = folder + "/lanes.json"
      let text = try String(contentsOfFile: trace, encoding: .utf8)
      try text.replacing("0.0013", with: "-1").write(toFile: trace, atomically: true, encoding: .utf8)
      let output = try cohort(["scale", "run", file], expecting: 78)
      #expect(
        output.contains("exit code 3") && output.contains("none negative") && output.contains("measurements failed"), "\(output)")
    }
  }

  @Test func stepsOfARealRunAreTimedOnTwoRanks() throws {
    try withTemporaryFolder { folder in
      let packs = folder + "/packs", file = folder + "/run.yaml"
      _ = try cohort([
        "synthesize", "--output", folder + "/raw", "--subjects", "6", "--labelled", "2", "--seed", "3", "--spacing", "4",
      ])
      _ = try cohort(["prepare", folder + "/raw", "--output", packs])
      try "data: \(packs)\noutput: \(folder)/none\nmethod: mean-teacher\nnetwork: {name: unet3d, base: 2}\npatch: [16, 16, 32]\n"
        .write(toFile: file, atomically: true, encoding: .utf8)
      let arguments = ["scale", "measure", file, "--lanes", "3", "--warmup", "1", "--steps", "4", "--output", folder + "/m"]
      let (status, output) = try mpirun(2, arguments, executable: "cohort")
      try #require(status == 0, "\(output)")
      let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/m/measured.json"))
      let run = try JSONDecoder().decode(MeasuredRun.self, from: data)
      #expect(run.steps.count == 4 && !run.isReplay && run.identity.hosts.count == 2 && run.averagedBytes % 6 == 0)
      for step in run.steps { #expect(step.compute > 0 && step.wait > 0 && step.exposed > 0 && step.input >= 0) }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder + "/m")
      #expect(!left.contains("checkpoints") && !FileManager.default.fileExists(atPath: folder + "/none"), "steps only: \(left)")

      let recorded = try cohort([
        "scale", "record", file, "lanes=2", "--steps", "2", "--warmup", "1", "--output", folder + "/t.json",
      ])
      let trace = try LaneTrace(path: folder + "/t.json")
      #expect(trace.lanes.count == 4 && trace.averagedValues * 6 == run.averagedBytes && recorded.contains("4 lanes"))
      #expect(trace.lanes.allSatisfy { $0.forward > 0 && $0.backward > 0 })
      let ready = trace.readyShares
      #expect(
        ready.contains(0) && ready.contains { $0 > 0 } && ready.allSatisfy { $0 < 1 },
        "biases before a normalisation are idle: \(ready)")
      #expect(try mpirun(4, arguments, executable: "cohort").status == 3, "more ranks than lanes")
      let paired = [file, "method=cps", "layout=network"]
      for refused in [
        try mpirun(2, ["scale", "measure"] + paired + ["--output", folder + "/pairs"], executable: "cohort"),
        try runAlone(["scale", "record"] + paired + ["--output", folder + "/pairs.json"], executable: "cohort"),
      ] { #expect(refused.status == 3 && refused.output.contains("measure with layout: data"), "\(refused.output)") }
      try laneTimesOfARun(file, folder, averaged: trace.averagedValues)
    }
  }

  private func laneTimesOfARun(_ file: String, _ folder: String, averaged: Int) throws {
    _ = try cohort(["train", file, "steps=3", "lanes=2", "output=\(folder)/run"])
    _ = try cohort(["scale", "record", folder + "/run", "--warmup", "1", "--output", folder + "/r.json"])
    let trace = try LaneTrace(path: folder + "/r.json")
    #expect(trace.lanes.count == 2 && trace.averagedValues == averaged && trace.lanes.allSatisfy { $0.backward > $0.forward })
  }

  @Test func thirtyTwoRanksAreRehearsed() throws {
    try withTemporaryFolder { folder in
      try writeTrace(to: folder + "/lanes.json")
      let arguments = [
        "scale", "measure", "--compute", "replay:\(folder)/lanes.json", "--averaged-values", "1000", "--lanes", "32", "--warmup",
        "1",
        "--steps", "3", "--checkpoint-every", "2", "--output", folder + "/m",
      ]
      let (status, output) = try mpirun(32, arguments, timeout: 120, executable: "cohort")
      try #require(status == 0, "\(output)")
      let run = try JSONDecoder().decode(
        MeasuredRun.self, from: try Data(contentsOf: URL(fileURLWithPath: folder + "/m/measured.json")))
      #expect(run.identity.hosts.count == 32 && run.averagedBytes == 4000 && run.steps.count == 3)
      #expect(run.steps[0].input > 0 && run.steps[1].input < run.steps[0].input, "a checkpoint after every second step")
    }
  }

  @Test func benchmarksDescribeWhatTheyMeasured() throws {
    let (status, output) = try mpirun(
      2, ["bench", "allreduce", "--sizes", "4K..16K", "--repeats", "3", "--json"], executable: "cohort")
    try #require(status == 0, "\(output)")
    let run = try JSONDecoder().decode(MeasuredRun.self, from: Data(output.utf8)), rows = try #require(run.allreduce?.rows)
    #expect(rows.map(\.bytes) == [4096, 4096, 8192, 8192, 16384, 16384] && Set(rows.map(\.element)) == ["Float", "Int64"])
    for row in rows {
      #expect(row.seconds.count == 3 && row.minimum > 0 && row.minimum <= row.mean && row.mean <= row.maximum)
      #expect(row.busBandwidth(ranks: 2) == row.algorithmBandwidth)
    }
    let products = try mpirun(2, ["bench", "gemm", "--threads", "2", "--repeats", "1"], executable: "cohort")
    #expect(products.status == 0 && products.output.contains("2 ranks of 2 threads") && !products.output.contains("DIFFERENT"))
  }

  /// The study file of STUDIES.md is one; its keys are all explained there.
  @Test func thePageShowsAStudy() throws {
    let page = try String(
      contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Sources/Scaling/STUDIES.md"), encoding: .utf8)
    let block = try #require(page.components(separatedBy: "```yaml\n").dropFirst().first?.components(separatedBy: "```").first)
    let study = try Study(yaml: block, source: "STUDIES.md")
    #expect(study.order.count == 25 && study.nodes == [1, 2, 4])
    for key in StudyKeys.all {
      #expect(page.contains("`\(key.name)`") || block.contains("\(key.name):"), "STUDIES.md explains \(key.name)")
    }
    try withTemporaryFolder { folder in
      try writeTrace(to: folder + "/lanes.json")
      let yaml = block.replacing("demo/lanes.json", with: folder + "/lanes.json")
      try yaml.write(toFile: folder + "/study.yaml", atomically: true, encoding: .utf8)
      #expect(
        try cohort(["scale", "plan", folder + "/study.yaml"]).contains("25 measurements, 0 of them exist; the rest takes about"))
    }
  }
}
