// `cohort report confidence`: the rounds of a run of SFR+ as a picture or a page.

import Files
import Foundation
import Reports

/// Writes the rounds of a run: histograms of confidences, which volumes teach SAM, agreement of SAM and student.
/// - Parameters:
///   - run: the folder of a run with `work: sfr-plus`.
///   - path: ends in .svg or .html; an earlier output of this function is replaced, any other file is not.
/// - Returns: one line about what was drawn.
/// Errors: a run without rounds, a damaged confidence.csv.
public func writeConfidenceReport(run: String, to path: String) throws -> String {
  let isPage = path.lowercased().hasSuffix(".html")
  if !isPage { try checkEnding(of: path, ".svg", format: "SVG or, under .html, a page") }
  try checkOutputs([path], reading: ["\(run)/\(ConfidenceFile.name)"]) { path in
    (try? readText(path, atMost: 1 << 30))?.contains(mark) ?? false
  }
  let rounds = try ConfidenceFile.read(run: run), svg = ConfidenceFigure(rounds).svg
  let text =
    isPage
    ? page(.confidence, ConfidenceContent(title: "Confidence of \(run)", mark: mark, figure: svg, rounds: table(rounds)))
    : mark + "\n" + svg + "\n"
  try writeDurably(Array(text.utf8), to: path)
  return "\(path): \(counted(rounds.count, "round")) of \(counted(rounds[0].volumes.count, "volume"))"
}

/// What tells the files of this function from others.
private let mark = "<!-- cohort report confidence -->"

extension ConfidenceFigure {
  init(_ rounds: [ConfidenceRound]) {
    self.init(
      rounds: rounds.map { round in
        Round(
          number: round.number, threshold: round.threshold,
          volumes: round.volumes.map {
            Volume(identifier: $0.identifier, confidence: $0.confidence, agreement: $0.agreement, isConfident: $0.isConfident)
          })
      })
  }
}

/// What the template `confidence` shows.
private struct ConfidenceContent {
  let title, mark, figure: String
  let rounds: PageTable
}

private func table(_ rounds: [ConfidenceRound]) -> PageTable {
  let rows = rounds.map { round in
    let confidences = round.volumes.map(\.confidence), confident = round.volumes.filter(\.isConfident).count
    let agreement = round.volumes.reduce(0) { $0 + $1.agreement } / Double(round.volumes.count)
    return [
      "\(round.number)", round.threshold?.formatted(decimals: 4) ?? "none", "\(confident)", "\(round.volumes.count - confident)",
      confidences.min()!.formatted(decimals: 4), confidences.max()!.formatted(decimals: 4), agreement.formatted(decimals: 3),
    ]
  }
  let heads = ["round", "threshold", "confident", "uncertain", "lowest confidence", "highest confidence", "mean agreement"]
  return PageTable(heads: heads.map { .init($0) }, rows.map { $0.map { .init($0) } })
}
