// A report as one HTML page that needs nothing else: facts, pictures, tables, the model.

import Foundation
import Reports
import Training

/// What the template `scaling` shows.
private struct ScalingContent {
  struct EvidenceMeaning { let name, color, meaning: String }
  struct Section {
    let heading: String
    let charts: [String]
    let table: PageTable
  }

  let title: String
  let evidences: [EvidenceMeaning]
  let warnings: [String]
  let sections: [Section]
  let allreduce: String?
  let model, modelCaveat: String
  let facts: PageTable
  let study: String
}

extension ScalingReport {
  /// The whole page.
  var html: String {
    let kinds = [StudyPoint.Kind.strong, .weak].filter { kind in rows.contains { $0.kind == kind } }
    return page(
      .scaling,
      ScalingContent(
        title: "Scaling study \(study.output)", evidences: evidences, warnings: warnings,
        sections: kinds.map { .init(heading: heading($0), charts: charts($0), table: table($0)) }, allreduce: allreduceChart(),
        model: modelText, modelCaveat: Self.modelCaveat, facts: facts, study: study.yaml))
  }

  static let modelCaveat =
    "Modelled numbers follow T(p) = T1 (1 + sigma sqrt(2 ln p)) + max(t_b, k t_b - T_bwd (k-1)/k) with "
    + "t_b = 2 log2(p) alpha + 2 (p-1)/p (n/k) beta + (p-1)/p (n/k) gamma. "
    + "Their intervals hold the spread of the measurements; they do not cover networks that are shared or tapered, nor file systems that many nodes read at once."

  private func heading(_ kind: StudyPoint.Kind) -> String {
    kind == .strong
      ? "Strong scaling: \(study.strongLanes) lanes in all" : "Weak scaling: \(study.weakLanesPerRank) lanes for each rank"
  }

  private var evidences: [ScalingContent.EvidenceMeaning] {
    let meanings: [Evidence: String] = [
      .measured: "real computation, every node a machine of its own",
      .emulated: "sleeps in place of computation, slowed-down clocks, or several nodes on one machine",
      .modelled: "the fitted formula, with the interval in which a measurement should lie",
    ]
    return Evidence.allCases.map { .init(name: "\($0)", color: $0.color, meaning: meanings[$0]!) }
  }

  /// The caveats of the numbers.
  var warnings: [String] {
    var found: [String] = []
    let binaries = Set(measurements.flatMap(\.run.identity.binary))
    if binaries.count > 1 {
      found.append("Measured with \(binaries.count) different programs: measure all of it again with one.")
    }
    let cores = Set(measurements.flatMap(\.run.identity.blasCore))
    if cores.count > 1 { found.append("The processors differ (\(cores.sorted().joined(separator: ", "))).") }
    let most = measurements.map { $0.point.nodes }.max()!, machines = measurements.map(\.run.identity.machines).max()!
    if machines < most {
      found.append("Up to \(most) nodes shared \(machines) machine\(machines == 1 ? "" : "s"): these numbers are emulated.")
    }
    let missing = study.order.count - measurements.count
    if missing > 0 {
      found.append("\(missing) of \(study.order.count) measurements are missing: `cohort scale run` continues the study.")
    }
    return found
  }

  private func table(_ kind: StudyPoint.Kind) -> PageTable {
    let evidences = [evidence(of: kind)!, .modelled].filter { !rows(kind, $0).isEmpty }
    let heads = evidences.flatMap { evidence in
      ["s/step", "throughput", "efficiency"].map { PageTable.Cell("\($0).\(evidence)", style: "\(evidence)") }
    }
    let nodes = Set(rows.filter { $0.kind == kind }.map(\.nodes)).sorted()
    let lines = nodes.map { nodes in
      let cells = evidences.flatMap { evidence -> [PageTable.Cell] in
        guard let row = rows(kind, evidence).first(where: { $0.nodes == nodes }) else {
          return [.init(""), .init(""), .init("")]
        }
        return [cell(row.stepSeconds, 4), cell(row.throughput, 2), cell(row.efficiencyOfSmallest, 3)]
      }
      let fraction = rows(kind, evidence(of: kind)!).first { $0.nodes == nodes }?.serialFraction
      let last = kind == .strong ? [PageTable.Cell(fraction?.formatted(decimals: 4) ?? "")] : []
      return [.init("\(nodes)")] + cells + last
    }
    let last = kind == .strong ? [PageTable.Cell("serial fraction.\(evidence(of: kind)!)")] : []
    return PageTable(heads: [.init("nodes")] + heads + last, lines)
  }

  private func cell(_ estimate: Estimate, _ decimals: Int) -> PageTable.Cell {
    let texts = [estimate.value, estimate.low, estimate.high].map { $0.formatted(decimals: decimals) }
    return .init(texts[0], detail: "\(texts[1]) to \(texts[2])")
  }

  private var facts: PageTable {
    func list(_ values: [String]) -> String { Set(values).sorted().joined(separator: ", ") }
    let identities = measurements.map(\.run.identity)
    let parameters = identities.flatMap { $0.mcaParameters.map { "\($0.key)=\($0.value)" } }
    let facts = [
      (
        "measurements",
        "\(measurements.count) of \(study.order.count), \(study.repeats) repeats in random order (seed \(study.seed))"
      ),
      ("first, last", list([measurements.map(\.started).min()!, measurements.map(\.started).max()!])),
      ("hosts", list(identities.flatMap(\.hosts))), ("program", list(identities.flatMap(\.binary))),
      ("settings", list(identities.map(\.configuration))), ("OpenBLAS processor", list(identities.flatMap(\.blasCore))),
      ("threads of a rank", list(identities.map { "\($0.threads)" })), ("MCA parameters", list(parameters)),
      ("clocks slowed down", "\(study.dilation.formatted(decimals: 0)) times"),
      ("averaged in a step", "\(measurements.map(\.run.averagedBytes).max()!) bytes"),
    ]
    return PageTable(facts.map { [.name($0.0), .name($0.1)] })
  }
}
