// Cases that stand out among their data set by spacing, size, orientation or intensity: mostly a wrong unit, another modality or a file of another
// study. A case is held against the median of all and against their spread, so that what differs from case to case in any hospital's data, twofold or
// threefold, is not mentioned.

import Foundation
import Kernels
import Volumes

/// What is known of a case: its grid from the header, and once it is prepared its intensities, one for each channel.
public struct CaseFacts: Sendable {
  public var identifier: String
  public var grid: FileGrid
  public var intensities: [ChannelIntensity]

  public init(identifier: String, grid: FileGrid, intensities: [ChannelIntensity] = []) {
    (self.identifier, self.grid, self.intensities) = (identifier, grid, intensities)
  }
}

/// One sentence for each case that stands out; none where there are fewer than three cases. Intensities are compared among the cases that have them.
public func outliers(in cases: [CaseFacts]) -> [DataWarning] {
  guard cases.count > 2 else { return [] }
  let findings = spacings(cases) + sizes(cases) + orientations(cases) + intensities(cases)
  return cases.indices.compactMap { index in
    let clauses = findings.filter { $0.index == index }.map(\.clause)
    guard !clauses.isEmpty else { return nil }
    return DataWarning(
      .outlier,
      "\(cases[index].identifier) stands out: \(clauses.joined(separator: "; ")). Check that it belongs to the data set.")
  }
}

/// Something by which the case at `index` stands out.
private struct Finding {
  let index: Int
  let clause: String
}

private func spacings(_ cases: [CaseFacts]) -> [Finding] {
  let values = (0..<3).map { axis in cases.map { $0.grid.spacing[axis] } }
  let median = Spacing(middle(values[0]), middle(values[1]), middle(values[2]))
  return far(values, factor: 5).map { Finding(index: $0, clause: "voxels of \(cases[$0].grid.spacing), the median is \(median)") }
}

private func sizes(_ cases: [CaseFacts]) -> [Finding] {
  let values = (0..<3).map { axis in cases.map { $0.grid.spacing[axis] * Double($0.grid.extent[axis]) } }
  let median = Spacing(middle(values[0]), middle(values[1]), middle(values[2]))
  return far(values, factor: 5).map { index in
    let size = Spacing(values[0][index], values[1][index], values[2][index])
    return Finding(index: index, clause: "a field of view of \(size), the median is \(median)")
  }
}

/// The few cases whose axes run otherwise than those of nearly all.
private func orientations(_ cases: [CaseFacts]) -> [Finding] {
  let codes = cases.map(\.grid.orientation)
  guard let common = Dictionary(grouping: codes, by: \.self).values.max(by: { $0.count < $1.count }), codes.count >= 10,
    10 * common.count >= 9 * codes.count
  else { return [] }
  return codes.indices.filter { codes[$0] != common[0] }.map {
    Finding(index: $0, clause: "stored as \(codes[$0]), \(common.count) others as \(common[0])")
  }
}

private func intensities(_ cases: [CaseFacts]) -> [Finding] {
  let known = cases.indices.filter { !cases[$0].intensities.isEmpty }
  guard known.count > 2, let channels = known.map({ cases[$0].intensities.count }).min() else { return [] }
  return (0..<channels).flatMap { channel -> [Finding] in
    let facts = known.map { cases[$0].intensities[channel] }
    let name = channels == 1 ? "" : " in channel \(channel)"
    let odd = Set(far([facts.map { max($0.standardDeviation, .leastNormalMagnitude) }], factor: 10) + shifted(facts))
    let mean = middle(facts.map(\.mean)), deviation = middle(facts.map(\.standardDeviation))
    let scales = odd.sorted().map { index in
      Finding(
        index: known[index],
        clause: "intensities of \(text(facts[index].mean)) ± \(text(facts[index].standardDeviation))\(name), the medians are "
          + "\(text(mean)) ± \(text(deviation))")
    }
    return scales + signs(facts, name).map { Finding(index: known[$0.index], clause: $0.clause) }
  }
}

/// Cases whose mean is far from that of the others, by their standard deviations and by the spread of the means.
private func shifted(_ facts: [ChannelIntensity]) -> [Int] {
  let means = facts.map(\.mean), median = middle(means), distances = means.map { abs($0 - median) }
  let limit = max(10 * middle(facts.map(\.standardDeviation)), 8 * middle(distances))
  return distances.indices.filter { distances[$0] > limit }
}

/// The few cases with negative intensities among those without, or the other way round: CT among MR, MR among CT.
private func signs(_ facts: [ChannelIntensity], _ name: String) -> [Finding] {
  let negative = facts.indices.filter { facts[$0].negativeShare > 0.1 }
  let positive = facts.indices.filter { facts[$0].negativeShare < 0.001 }
  guard facts.count > 3 else { return [] }
  if 10 * positive.count >= 9 * (facts.count - 1) {
    return negative.map { Finding(index: $0, clause: "many negative intensities\(name), \(positive.count) others have none") }
  }
  if 10 * negative.count >= 9 * (facts.count - 1) {
    return positive.map { Finding(index: $0, clause: "no negative intensities\(name), \(negative.count) others have many") }
  }
  return []
}

/// The indices at which one of several positive quantities is more than `factor` times its median, or less than 1 / `factor` of it, and beyond eight
/// times the median distance from it on a logarithmic scale.
private func far(_ quantities: [[Double]], factor: Double) -> [Int] {
  let distances = quantities.map { values in
    let median = middle(values)
    return values.map { abs(log($0 / median)) }
  }
  let limits = distances.map { max(log(factor), 8 * middle($0)) }
  return quantities[0].indices.filter { index in zip(distances, limits).contains { $0[index] > $1 } }
}

private func middle(_ values: [Double]) -> Double { quantile(ofSorted: values.sorted(), 0.5) }

private func text(_ value: Double) -> String { String(format: "%.4g", value) }
