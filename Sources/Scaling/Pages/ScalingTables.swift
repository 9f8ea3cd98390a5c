// A report as CSV and JSON: one line for each kind and number of nodes, with a group of columns for each evidence, so that
// measured, emulated and modelled numbers never stand in one column.

import Files
import Foundation
import Kernels

/// A table: columns in order, a cell may be empty.
struct ScalingTable {
  let columns: [String]
  /// Numbers as Double, names as String.
  let lines: [[String: any Sendable & Encodable]]

  var csv: String {
    let body = lines.map { line in
      columns.map { column in
        switch line[column] {
        case let number as Double: number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : "\(number)"
        case let value?: "\(value)"
        case nil: ""
        }
      }.joined(separator: ",")
    }
    return ([columns.joined(separator: ",")] + body).joined(separator: "\n") + "\n"
  }
}

extension ScalingReport {
  /// Steps by kind and nodes.
  var scalingTable: ScalingTable {
    let places = Set(rows.map { "\($0.kind.rawValue) \($0.nodes)" })
    let groups = Dictionary(grouping: rows) { "\($0.kind.rawValue) \($0.nodes)" }
    let ordered = places.sorted { left, right in
      let (a, b) = (groups[left]![0], groups[right]![0])
      return (a.kind.rawValue, a.nodes) < (b.kind.rawValue, b.nodes)
    }
    let lines = ordered.map { place in
      let group = groups[place]!, first = group[0]
      var line: [String: any Sendable & Encodable] = [
        "kind": first.kind.rawValue, "nodes": Double(first.nodes), "ranks": Double(first.ranks), "lanes": Double(first.lanes),
        "repeats": Double(group.map(\.repeats).max()!),
      ]
      for row in group { for (name, value) in row.cells { line[name] = value } }
      return line
    }
    let measures = Evidence.allCases.filter { evidence in rows.contains { $0.evidence == evidence } }
    return ScalingTable(
      columns: ["kind", "nodes", "ranks", "lanes", "repeats"] + measures.flatMap { ScalingRow.columnNames($0) }, lines: lines)
  }

  /// Times of MPI_Allreduce by nodes, element and size.
  var allreduceTable: ScalingTable {
    let reductions = measurements.filter { $0.run.allreduce != nil }
    let lines = reductions.flatMap { measurement in
      measurement.run.allreduce!.rows.map { row -> [String: any Sendable & Encodable] in
        let evidence = measurement.evidence
        return [
          "nodes": Double(measurement.point.nodes), "ranks": Double(measurement.point.ranks),
          "repeat": Double(measurement.point.repetition), "element": row.element, "bytes": Double(row.bytes),
          "microseconds.\(evidence)": median(row.seconds) * 1e6,
          "busBandwidth.\(evidence)": row.busBandwidth(ranks: measurement.point.ranks),
        ]
      }
    }
    let found = [Evidence.measured, .emulated].filter { evidence in reductions.contains { $0.evidence == evidence } }
    return ScalingTable(
      columns: ["nodes", "ranks", "repeat", "element", "bytes"] + found.flatMap { ["microseconds.\($0)", "busBandwidth.\($0)"] },
      lines: lines)
  }

  /// Writes report.html, scaling.csv, allreduce.csv and scaling.json into the study's folder.
  /// - Returns: their paths.
  public func write() throws -> [String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let json = try encoder.encode(scalingTable.lines.map { line in line.mapValues(AnyCell.init) })
    let files = [
      ("report.html", Array(html.utf8)), ("scaling.csv", Array(scalingTable.csv.utf8)),
      ("allreduce.csv", Array(allreduceTable.csv.utf8)), ("scaling.json", Array(json) + [UInt8(ascii: "\n")]),
    ]
    for (name, bytes) in files { try writeDurably(bytes, to: "\(study.output)/\(name)") }
    return files.map { "\(study.output)/\($0.0)" }
  }
}

private struct AnyCell: Encodable {
  let value: any Sendable & Encodable

  init(_ value: any Sendable & Encodable) { self.value = value }

  func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

extension ScalingRow {
  /// The columns of one evidence, in order.
  static func columnNames(_ evidence: Evidence) -> [String] {
    let estimates = ["stepSeconds", "throughput", "efficiencySmallest", "efficiencyOne"].flatMap { name in
      ["", ".low", ".high"].map { "\(name).\(evidence)\($0)" }
    }
    return estimates + ["serialFraction", "compute", "wait", "exposed", "input"].map { "\($0).\(evidence)" }
  }

  /// The row's numbers by column name: `throughput.measured`, `throughput.measured.low`.
  var cells: [(String, Double)] {
    var cells: [(String, Double)] = []
    let estimates = [
      ("stepSeconds", stepSeconds), ("throughput", throughput), ("efficiencySmallest", efficiencyOfSmallest),
    ]
    for (name, estimate) in estimates + (efficiencyOfOne.map { [("efficiencyOne", $0)] } ?? []) {
      cells += [
        ("\(name).\(evidence)", estimate.value), ("\(name).\(evidence).low", estimate.low),
        ("\(name).\(evidence).high", estimate.high),
      ]
    }
    if let serialFraction { cells.append(("serialFraction.\(evidence)", serialFraction)) }
    for (name, value) in [("compute", parts.compute), ("wait", parts.wait), ("exposed", parts.exposed), ("input", parts.input)] {
      cells.append(("\(name).\(evidence)", value))
    }
    return cells
  }
}
