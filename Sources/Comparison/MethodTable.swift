// The numbers of a comparison: means, spread over labelled sets, paired differences with intervals, cost.

import Foundation
import Scaling
import Tensors

/// One method with one number of labelled volumes.
package struct MethodRow: Sendable {
  let method: String
  let labels: Int
  let sets: Int
  let cases: Int
  /// Of the sets' means over cases, 0...1.
  package let mean: Double
  /// Standard deviation over the sets; nil with one.
  package let deviation: Double?
  /// To the reference on the same sets and cases, with its 95 % interval; nil for the reference itself.
  let difference: Estimate?
  /// Of one run, the mean.
  package let coreHours: Double
}

/// The rows of a comparison, fewest labels first, methods in the order asked for.
struct MethodTable: Sendable {
  let study: MethodStudy
  let results: [MethodResult]
  let rows: [MethodRow]

  init(_ study: MethodStudy, _ results: [MethodResult]) {
    (self.study, self.results) = (study, results)
    rows = study.labels.sorted().flatMap { labels in
      study.methods.compactMap { method in
        let own = results.filter { $0.method == method.title && $0.labels == labels }
        let reference = results.filter { $0.method == study.reference.title && $0.labels == labels }
        return MethodRow(own, against: method == study.reference ? nil : reference)
      }
    }
  }
}

extension MethodRow {
  /// - Parameters:
  ///   - results: of one method and number of labels; nil is made of none.
  ///   - reference: those of the reference; nil for the reference itself.
  package init?(_ results: [MethodResult], against reference: [MethodResult]?) {
    guard let first = results.first else { return nil }
    let means = results.map { average($0.caseScores.values.sorted()) }, all = average(means)
    let squares = means.map { ($0 - all) * ($0 - all) }
    (method, labels, sets, cases) = (first.method, first.labels, results.count, first.cases.count)
    mean = all
    deviation = means.count > 1 ? (squares.reduce(0, +) / Double(means.count - 1)).squareRoot() : nil
    difference = reference.flatMap { pairedDifference(results, $0) }
    coreHours = average(results.map(\.coreSeconds)) / 3600
  }
}

private func average(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }

/// The mean over labelled sets and cases of what one method scores above another, paired in both; the interval is a bootstrap that draws sets and cases anew,
/// each with replacement and crossed (Davison and Hinkley, 1997, section 3.8). Nil without a set that both have.
package func pairedDifference(_ own: [MethodResult], _ other: [MethodResult]) -> Estimate? {
  let pairs = own.compactMap { result in other.first { $0.seed == result.seed }.map { (result.caseScores, $0.caseScores) } }
  let cases = pairs.map { Set($0.0.keys).intersection($0.1.keys) }.reduce(nil as Set<String>?) { $0?.intersection($1) ?? $1 }
  guard let names = cases?.sorted(), !names.isEmpty else { return nil }
  let differences = pairs.map { own, other in names.map { own[$0]! - other[$0]! } }
  func gain(_ sets: [Int], _ cases: [Int]) -> Double { average(sets.map { set in average(cases.map { differences[set][$0] }) }) }
  let sets = Array(pairs.indices), all = Array(names.indices), key = RandomKey(fnv1a64("paired difference"))
  let draws = (0..<2000).map { draw -> Double in
    let drawn = resampled([sets, all], key: key.child(UInt64(draw)))
    return gain(drawn[0], drawn[1])
  }
  return Estimate(gain(sets, all), draws: draws)
}
