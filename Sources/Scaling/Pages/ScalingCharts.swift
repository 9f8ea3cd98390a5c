// The pictures of a report. Each evidence has a colour of its own, which nothing else has.

import Foundation
import Kernels
import Reports

extension Evidence {
  /// A colour of CSS: #rrggbb.
  var color: String {
    switch self {
    case .measured: "#1f6fb4"
    case .emulated: "#e07b00"
    case .modelled: "#8e44ad"
    }
  }
}

private let idealColor = "#8a8a8a"

extension ScalingReport {
  /// All pictures of one kind of scaling, as SVG.
  func charts(_ kind: StudyPoint.Kind) -> [String] {
    [throughputChart(kind).svg, efficiencyChart(kind).svg, partsChart(kind).svg]
  }

  private func series(_ kind: StudyPoint.Kind, _ value: (ScalingRow) -> Estimate) -> [ChartSeries] {
    [Evidence.modelled, .measured, .emulated].compactMap { evidence in
      let found = rows(kind, evidence)
      guard !found.isEmpty else { return nil }
      let points = found.map { row in
        let estimate = value(row)
        return ChartPoint(x: Double(row.nodes), y: estimate.value, interval: estimate.low...max(estimate.low, estimate.high))
      }
      return ChartSeries(
        name: evidence.rawValue, color: evidence.color, style: evidence == .modelled ? .band : .points, points: points)
    }
  }

  private func throughputChart(_ kind: StudyPoint.Kind) -> Chart {
    let ofKind = rows.filter { $0.kind == kind }, first = ofKind.first { $0.evidence != .modelled }!
    let nodes = ofKind.map { Double($0.nodes) }
    let ideal = Set(nodes).sorted().map { ChartPoint(x: $0, y: first.throughput.value / Double(first.nodes) * $0) }
    let all = series(kind, \.throughput)
    let values = all.flatMap(\.points).flatMap { [$0.y, $0.interval?.lowerBound ?? $0.y] } + ideal.map(\.y)
    return Chart(
      title: "Throughput, \(kind) scaling", x: ChartAxis("nodes", .logarithmic, values: nodes),
      y: ChartAxis("lanes per second", .logarithmic, values: values),
      series: [ChartSeries(name: "ideal", color: idealColor, style: .guide, points: ideal)] + all)
  }

  private func efficiencyChart(_ kind: StudyPoint.Kind) -> Chart {
    let ofKind = rows.filter { $0.kind == kind }, nodes = ofKind.map { Double($0.nodes) }
    let smallest = ofKind.first { $0.evidence != .modelled }!.nodes
    let ideal = [nodes.min()!, nodes.max()!].map { ChartPoint(x: $0, y: 1) }
    let all = series(kind, \.efficiencyOfSmallest)
    return Chart(
      title: "Efficiency, \(kind) scaling", x: ChartAxis("nodes", .logarithmic, values: nodes),
      y: ChartAxis(
        "efficiency against \(smallest) node\(smallest == 1 ? "" : "s")", .linear,
        values: [1] + all.flatMap(\.points).flatMap { [$0.y, $0.interval?.upperBound ?? $0.y] }.filter { $0 < 3 }, fromZero: true),
      series: [ChartSeries(name: "ideal", color: idealColor, style: .guide, points: ideal)] + all)
  }

  private func partsChart(_ kind: StudyPoint.Kind) -> StackedBars {
    let found = rows(kind, evidence(of: kind)!)
    func part(_ name: String, _ color: String, _ value: KeyPath<StepTime, Double>) -> BarPart {
      BarPart(name: name, color: color, values: found.map { $0.parts[keyPath: value] })
    }
    return StackedBars(
      title: "Where a step's time goes, \(kind) scaling (\(evidence(of: kind)!))", xTitle: "nodes", yTitle: "seconds per step",
      labels: found.map { "\($0.nodes)" },
      parts: [
        part("compute", "#3a9b5c", \.compute), part("wait for slowest", "#d9b400", \.wait),
        part("exposed comm.", "#b03030", \.exposed), part("I/O", "#5f5f5f", \.input),
      ])
  }

  /// Bus bandwidth by message size, a line for each number of nodes, darker for more; nil without such measurements.
  func allreduceChart() -> String? {
    let reductions = measurements.filter { $0.run.allreduce != nil }
    guard !reductions.isEmpty else { return nil }
    let groups = Dictionary(grouping: reductions) { $0.point.nodes }.sorted { $0.key < $1.key }
    let series = groups.enumerated().map { number, group in
      let rows = group.value.flatMap { measurement in measurement.run.allreduce!.rows.map { ($0, measurement.point.ranks) } }
      let points = Dictionary(grouping: rows, by: \.0.bytes).sorted { $0.key < $1.key }.map { bytes, rows in
        let values = rows.map { $0.0.busBandwidth(ranks: $0.1) }
        return ChartPoint(x: Double(bytes), y: median(values), interval: values.min()!...values.max()!)
      }
      let evidence: Evidence = group.value.contains { $0.evidence == .emulated } ? .emulated : .measured
      return ChartSeries(
        name: "\(group.key) nodes, \(evidence)", color: shade(evidence.color, Double(number + 1) / Double(groups.count)),
        style: .points, points: points)
    }
    let points = series.flatMap(\.points)
    return Chart(
      title: "MPI_Allreduce (median and range)", x: ChartAxis("message size, bytes", .bytes, values: points.map(\.x)),
      y: ChartAxis(
        "bus bandwidth, GB/s", .logarithmic, values: points.flatMap { [$0.interval!.lowerBound, $0.interval!.upperBound] }),
      series: series
    ).svg
  }
}

/// The colour mixed with white: `strength` 1 is the colour itself.
private func shade(_ color: String, _ strength: Double) -> String {
  let value = Int(color.dropFirst(), radix: 16) ?? 0, kept = 0.35 + 0.65 * strength
  let mixed = [16, 8, 0].map { shift in Int(255 - kept * Double(255 - (value >> shift & 255))) }
  return "#" + mixed.map { String(format: "%02x", $0) }.joined()
}
