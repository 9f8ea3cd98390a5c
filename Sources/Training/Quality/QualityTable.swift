// quality.csv beside predictions: an estimated Dice for each case with its interval, the worst first.

import Files
import Foundation
import Volumes

/// The estimates of all cases of a prediction.
public struct QualityTable: Sendable {
  /// An estimate.
  struct Row: Sendable {
    let identifier: String
    /// Of each structure, 0...1; nil where nothing is known.
    let dice: [Double?]
    /// Over the structures, with an interval; nil where nothing is known.
    let mean: Double?
    let interval: ClosedRange<Double>?
    /// Why nothing is known, a phrase.
    let reason: String?
  }

  static let name = "quality.csv"
  /// Half an interval where no two labelled volumes tell how far registration errs: it held 119 of 120 cases of the hippocampus.
  private static let widestHalf = 0.15
  private static let mostNamed = 10

  /// Cases of which nothing is known first, then the worst.
  let rows: [Row]
  private let names: [String]
  private let labelled: Int
  /// Dice that true labels reach, mean over the structures; nil with one labelled volume.
  private let ceiling: Double?

  /// - Parameters:
  ///   - labelled: number of labelled volumes.
  ///   - ceiling: how far labelled volumes agree with each other, for each structure; nil where no two have it.
  init(_ cases: [CaseAgreement], names: [String], labelled: Int, ceiling: [Double?]) {
    let level = names.indices.map { structure in
      let reached = Training.mean(cases.compactMap { $0.agreement.dice[structure] })
      // Predictions that agree better than true labels do are not at fault for what is missing: registration is.
      return ceiling[structure].flatMap { most in reached.map { max(1, $0 / max(most, 0.1)) } } ?? 1
    }
    let top = Training.mean(ceiling.compactMap { $0 })
    // What the labels lose on the way bounds how far agreement and truth are apart; on the hippocampus a third of it held nine in ten.
    let half = top.map { max(0.05, (1 - $0) / 3) } ?? Self.widestHalf
    (self.names, self.labelled, self.ceiling) = (names, labelled, top)
    rows = cases.map { item in
      let dice = zip(item.agreement.dice, level).map { value, level in value.map { min(1, $0 * level) } }
      let mean = Training.mean(dice.compactMap { $0 })
      let reason = item.agreement.reason ?? (mean == nil ? "the labelled volumes have no class" : nil)
      return Row(
        identifier: item.identifier, dice: dice, mean: mean,
        interval: mean.map { max(0, $0 - half)...min(1, $0 + half) }, reason: reason)
    }.sorted { ($0.mean ?? -1, $0.identifier) < ($1.mean ?? -1, $1.identifier) }
  }

  /// The table as a file.
  var csv: String {
    let header = (["case"] + names.map(DelimitedTable.quoted) + ["mean", "low", "high", "reason"]).joined(separator: ",")
    let lines = rows.map { row in
      let numbers = row.dice + [row.mean, row.interval?.lowerBound, row.interval?.upperBound]
      return
        ([DelimitedTable.quoted(row.identifier)] + numbers.map { $0?.formatted(decimals: 4) ?? "" }
        + [DelimitedTable.quoted(row.reason ?? "")]).joined(separator: ",")
    }
    return ([header] + lines).map { $0 + "\n" }.joined()
  }

  /// Whether a file is such a table.
  static func isOwn(_ path: String) -> Bool {
    let first = (try? readText(path, atMost: 1 << 30))?.prefix { $0 != "\n" } ?? ""
    return first.hasPrefix("case,") && first.hasSuffix(",mean,low,high,reason")
  }

  /// What to look at first.
  public var text: String {
    let basis =
      ceiling.map { "\(labelled) labelled volumes, whose labels agree with each other by Dice \($0.formatted(decimals: 3))" }
      ?? (labelled == 1 ? "1 labelled volume" : "\(labelled) labelled volumes, which cannot be compared with each other")
    let known = rows.compactMap(\.mean)
    let average = Training.mean(known).map { "; mean of \(counted(known.count, "case")) \($0.formatted(decimals: 3))" } ?? ""
    let worst = rows.prefix(Self.mostNamed).map { row in
      guard let mean = row.mean, let interval = row.interval else { return "  \(row.identifier)  not known: \(row.reason ?? "")" }
      return "  \(row.identifier)  \(mean.formatted(decimals: 3)) "
        + "(\(interval.lowerBound.formatted(decimals: 2)) to \(interval.upperBound.formatted(decimals: 2)))"
    }
    return (["estimated Dice by \(basis)\(average); look at these first:"] + worst).joined(separator: "\n")
  }
}
