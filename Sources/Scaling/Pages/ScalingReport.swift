// The results of a study, before it is written down: rows of what was measured or emulated, the model fitted to them, and
// its rows.

import Foundation
import Kernels

/// The outcome of a study.
public struct ScalingReport: Sendable {
  public let study: Study
  public let measurements: [Measurement]
  /// Rows of one evidence and kind after another, the smallest number of nodes first.
  public let rows: [ScalingRow]
  public let models: [StudyPoint.Kind: ScalingModel]
  /// Why a kind of scaling has no model.
  public let problems: [StudyPoint.Kind: String]

  /// Numbers of nodes for which the model predicts, besides those that were measured.
  static let predictedNodes = (0...10).map { 1 << $0 }

  /// - Throws: if nothing has been measured with the study's settings.
  public init(_ study: Study) throws {
    let folder = StudyFolder(study.output)
    let measurements = try folder.measurements(settings: try study.settingsHash())
    guard measurements.contains(where: { !$0.run.steps.isEmpty }) else {
      throw ScalingError("\(folder.measurementsPath) holds no steps of this study: start `cohort scale run` first.")
    }
    self.init(study, measurements)
  }

  init(_ study: Study, _ measurements: [Measurement]) {
    (self.study, self.measurements) = (study, measurements)
    var rows: [ScalingRow] = [], models: [StudyPoint.Kind: ScalingModel] = [:], problems: [StudyPoint.Kind: String] = [:]
    for kind in [StudyPoint.Kind.strong, .weak] {
      let found = scalingRows(measurements, kind: kind, seed: study.seed)
      guard !found.isEmpty else { continue }
      rows += found
      do {
        let model = try ScalingModel(try ModelData(measurements, kind: kind), seed: study.seed)
        models[kind] = model
        rows += modelledRows(model, kind, study, smallest: found[0])
      } catch { problems[kind] = "\(error)" }
    }
    (self.rows, self.models, self.problems) = (rows, models, problems)
  }

  func rows(_ kind: StudyPoint.Kind, _ evidence: Evidence) -> [ScalingRow] {
    rows.filter { $0.kind == kind && $0.evidence == evidence }
  }

  /// The evidence of a kind's measurements.
  func evidence(of kind: StudyPoint.Kind) -> Evidence? { rows.first { $0.kind == kind && $0.evidence != .modelled }?.evidence }

  /// The model as text: parameters, judgement, predictions from 8 nodes on.
  public var modelText: String {
    var lines: [String] = []
    for kind in [StudyPoint.Kind.strong, .weak] {
      if let problem = problems[kind] { lines.append("\(kind): no model. \(problem)") }
      guard let model = models[kind] else { continue }
      lines.append("\(kind) scaling, modelled from \(evidence(of: kind)!) steps and allreduce times (95 % intervals)")
      lines += model.lines
      lines.append("  nodes   modelled s/step   95 % interval       modelled efficiency")
      for row in rows(kind, .modelled) where row.nodes >= 8 {
        let efficiency = row.efficiencyOfSmallest
        lines.append(
          String(
            format: "  %5d   %15.4f   %.4f to %.4f   %.3f (%.3f to %.3f)", row.nodes, row.stepSeconds.value, row.stepSeconds.low,
            row.stepSeconds.high, efficiency.value, efficiency.low, efficiency.high))
      }
      if kind == .strong, let most = rows(kind, .modelled).last {
        lines.append("  (strong scaling ends where every rank has one lane: \(most.lanes) lanes)")
      }
    }
    return lines.joined(separator: "\n")
  }
}

extension ScalingModel {
  /// Parameters with intervals, and the error of leaving out the largest number of nodes.
  var lines: [String] {
    func line(_ name: String, _ estimate: Estimate, _ factor: Double, _ unit: String) -> String {
      String(
        format: "  %@ %.4g %@ (%.4g to %.4g)", name.padding(toLength: 22, withPad: " ", startingAt: 0), estimate.value * factor,
        unit,
        estimate.low * factor, estimate.high * factor)
    }
    let error = leaveOneOutError.map { String(format: "%+.1f %%", 100 * $0) } ?? "needs three numbers of nodes or more"
    return [
      line("latency (alpha)", latency, 1e6, "us"),
      line("bandwidth (1/beta)", secondsPerByte.mapped(falling: true) { 1e-9 / $0 }, 1, "GB/s"),
      line("jitter (sigma)", jitter, 100, "%"), line("step of one node (T1)", nodeSeconds, 1, "s"),
      "  prediction for \(largestNodes) nodes without their measurements: \(error)",
    ]
  }
}

extension ModelData {
  /// The results of a study's measurements of one kind.
  init(_ measurements: [Measurement], kind: StudyPoint.Kind) throws(ScalingError) {
    let groups = Dictionary(grouping: measurements.filter { $0.point.kind == kind && !$0.run.steps.isEmpty }, by: \.point.nodes)
      .sorted { $0.key < $1.key }.map(\.value)
    let base = groups[0][0].point.lanesOfBusiestRank
    let steps = groups.map { group in
      repeatMedians(group).map {
        NodeStep(nodes: group[0].point.nodes, load: Double(group[0].point.lanesOfBusiestRank) / Double(base), seconds: $0)
      }
    }
    let tables = measurements.filter { $0.point.kind == .allreduce }
    let times = tables.flatMap { measurement in
      (measurement.run.allreduce?.rows ?? []).map {
        AllreduceTime(nodes: measurement.point.nodes, bytes: $0.bytes, seconds: median($0.seconds))
      }
    }
    let run = groups[0][0].run
    // Only the last lane's backward pass has buckets to hide; two thirds of a lane where it was not timed.
    let lane = median(steps[0].map(\.seconds)) / Double(base)
    self.init(
      allreduce: Dictionary(grouping: times) { [$0.nodes, $0.bytes] }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(
        \.value),
      steps: steps,
      exchange: Exchange(bytes: run.averagedBytes, buckets: run.buckets, backwardSeconds: run.backwardSeconds ?? lane * 2 / 3),
      addSecondsPerByte: median(tables.compactMap { $0.run.allreduce?.addSecondsPerByte }))
  }
}

/// The model's rows for powers of two up to 1024 nodes, and for every number that was measured.
private func modelledRows(
  _ model: ScalingModel, _ kind: StudyPoint.Kind, _ study: Study, smallest: ScalingRow
) -> [ScalingRow] {
  func point(_ nodes: Int) -> StudyPoint {
    let ranks = nodes * study.ranksPerNode
    return StudyPoint(
      kind: kind, nodes: nodes, ranks: ranks, lanes: kind == .strong ? study.strongLanes : ranks * study.weakLanesPerRank,
      repetition: 0)
  }
  let base = Double(point(smallest.nodes).lanesOfBusiestRank)
  func load(_ nodes: Int) -> Double { Double(point(nodes).lanesOfBusiestRank) / base }
  func throughput(_ nodes: Int) -> Double { Double(point(nodes).lanes) / model.model.step(nodes: nodes, load: load(nodes)).wall }
  let nodes = Set(ScalingReport.predictedNodes + study.nodes).sorted().filter {
    kind == .weak || point($0).ranks <= study.strongLanes
  }
  return nodes.map { nodes in
    let point = point(nodes), seconds = model.stepSeconds(nodes: nodes, load: load(nodes))
    let lanes = Double(point.lanes)
    func efficiency(against base: Int) -> Estimate {
      seconds.mapped(falling: true) { lanes / $0 / throughput(base) * Double(base) / Double(nodes) }
    }
    let one = efficiency(against: 1)
    return ScalingRow(
      kind: kind, evidence: .modelled, nodes: nodes, ranks: point.ranks, lanes: point.lanes, repeats: 0, stepSeconds: seconds,
      throughput: seconds.mapped(falling: true) { lanes / $0 }, efficiencyOfSmallest: efficiency(against: smallest.nodes),
      efficiencyOfOne: one, serialFraction: kind == .strong ? serialFraction(efficiency: one.value, nodes: nodes) : nil,
      parts: model.model.step(nodes: nodes, load: load(nodes)))
  }
}
