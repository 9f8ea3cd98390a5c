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
  try writeDurably(Array((isPage ? page(svg, rounds, run: run) : mark + "\n" + svg + "\n").utf8), to: path)
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

/// The picture under its title, over a table of the rounds.
private func page(_ svg: String, _ rounds: [ConfidenceRound], run: String) -> String {
  let rows = rounds.map { round in
    let confidences = round.volumes.map(\.confidence), confident = round.volumes.filter(\.isConfident).count
    let agreement = round.volumes.reduce(0) { $0 + $1.agreement } / Double(round.volumes.count)
    let cells = [
      "\(round.number)", round.threshold?.formatted(decimals: 4) ?? "none", "\(confident)", "\(round.volumes.count - confident)",
      confidences.min()!.formatted(decimals: 4), confidences.max()!.formatted(decimals: 4), agreement.formatted(decimals: 3),
    ]
    return "<tr>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
  }
  let heads = ["round", "threshold", "confident", "uncertain", "lowest confidence", "highest confidence", "mean agreement"]
  return """
    <!DOCTYPE html>
    \(mark)
    <html lang="en"><head><meta charset="utf-8"><title>Confidence of \(escaped(run))</title>
    <style>
    body { font-family: sans-serif; color: #222222; max-width: 1320px; margin: 2em auto; padding: 0 1em; line-height: 1.4 }
    table { border-collapse: collapse; margin: 1em 0; font-size: 0.9em } th, td { padding: 0.25em 0.7em; text-align: right }
    th { border-bottom: 2px solid #222222 } td { border-bottom: 1px solid #dddddd } svg { max-width: 100%; height: auto }
    </style></head><body>
    <h1>Confidence of \(escaped(run))</h1>
    <p>Confidence is the mean over voxels of the student's largest class probability. Volumes from the threshold on teach SAM, unless they have too
    little foreground or agreement; SAM teaches the student on the others.</p>
    \(svg)
    <table><tr>\(heads.map { "<th>\($0)</th>" }.joined())</tr>
    \(rows.joined(separator: "\n"))</table>
    </body></html>

    """
}
