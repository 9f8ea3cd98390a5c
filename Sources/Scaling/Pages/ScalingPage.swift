// A report as one HTML page that needs nothing else: facts, pictures, tables, the model.

import Foundation
import Reports
import Training

extension ScalingReport {
  /// The whole page.
  var html: String {
    let kinds = [StudyPoint.Kind.strong, .weak].filter { kind in rows.contains { $0.kind == kind } }
    let sections = kinds.map { kind in
      """
      <h2>\(title(kind))</h2>
      <div class="charts">\(charts(kind).joined(separator: "\n"))</div>
      \(table(kind))
      """
    }
    let allreduce = allreduceChart().map { "<h2>MPI_Allreduce</h2><div class=\"charts\">\($0)</div>" } ?? ""
    return page(
      title: "Scaling study \(study.output)",
      style: Evidence.allCases.map { ".\($0) { color: \($0.color) }" }.joined(separator: " "),
      """
      <p>\(legend)</p>
      \(warnings.map { "<p class=\"warning\">\(escaped($0))</p>" }.joined(separator: "\n"))
      \(sections.joined(separator: "\n"))
      \(allreduce)
      <h2>Model</h2><pre class="modelled">\(escaped(modelText))</pre>
      <p>\(escaped(Self.modelCaveat))</p>
      <h2>What was measured</h2>\(factsTable)
      <h2>The study</h2><pre>\(escaped(study.yaml))</pre>
      """)
  }

  static let modelCaveat =
    "Modelled numbers follow T(p) = T1 (1 + sigma sqrt(2 ln p)) + max(t_b, k t_b - T_bwd (k-1)/k) with "
    + "t_b = 2 log2(p) alpha + 2 (p-1)/p (n/k) beta + (p-1)/p (n/k) gamma. "
    + "Their intervals hold the spread of the measurements; they do not cover networks that are shared or tapered, nor file systems that many nodes read at once."

  private func title(_ kind: StudyPoint.Kind) -> String {
    kind == .strong
      ? "Strong scaling: \(study.strongLanes) lanes in all" : "Weak scaling: \(study.weakLanesPerRank) lanes for each rank"
  }

  private var legend: String {
    let meanings: [Evidence: String] = [
      .measured: "real computation, every node a machine of its own",
      .emulated: "sleeps in place of computation, slowed-down clocks, or several nodes on one machine",
      .modelled: "the fitted formula, with the interval in which a measurement should lie",
    ]
    let parts = Evidence.allCases.map { "<b class=\"\($0)\">\($0)</b>: \(meanings[$0]!)" }
    return parts.joined(separator: "; ") + ". Medians over repeats with 95 % bootstrap intervals."
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

  private func table(_ kind: StudyPoint.Kind) -> String {
    let evidences = [evidence(of: kind)!, .modelled].filter { !rows(kind, $0).isEmpty }
    let heads = evidences.flatMap { evidence in
      ["s/step", "throughput", "efficiency"].map { "<th class=\"\(evidence)\">\($0).\(evidence)</th>" }
    }
    let nodes = Set(rows.filter { $0.kind == kind }.map(\.nodes)).sorted()
    let lines = nodes.map { nodes in
      let cells = evidences.map { evidence -> String in
        guard let row = rows(kind, evidence).first(where: { $0.nodes == nodes }) else { return "<td></td><td></td><td></td>" }
        return cell(row.stepSeconds, 4) + cell(row.throughput, 2) + cell(row.efficiencyOfSmallest, 3)
      }
      let fraction = rows(kind, evidence(of: kind)!).first { $0.nodes == nodes }?.serialFraction
      let last = kind == .strong ? "<td>\(fraction?.formatted(decimals: 4) ?? "")</td>" : ""
      return "<tr><td>\(nodes)</td>\(cells.joined())\(last)</tr>"
    }
    let last = kind == .strong ? "<th>serial fraction.\(evidence(of: kind)!)</th>" : ""
    return "<table><tr><th>nodes</th>\(heads.joined())\(last)</tr>\(lines.joined(separator: "\n"))</table>"
  }

  private func cell(_ estimate: Estimate, _ decimals: Int) -> String {
    let texts = [estimate.value, estimate.low, estimate.high].map { $0.formatted(decimals: decimals) }
    return "<td>\(texts[0]) <small>(\(texts[1]) to \(texts[2]))</small></td>"
  }

  private var factsTable: String {
    func list(_ values: [String]) -> String { escaped(Set(values).sorted().joined(separator: ", ")) }
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
    return "<table>" + facts.map { "<tr><td class=\"name\">\($0.0)</td><td class=\"name\">\($0.1)</td></tr>" }.joined()
      + "</table>"
  }
}
