// The results of a study for one number of nodes: step time, throughput, efficiency, with intervals.

import Kernels
import Tensors

/// One number of nodes in strong or weak scaling.
public struct ScalingRow: Codable, Sendable {
  public var kind: StudyPoint.Kind
  public var evidence: Evidence
  public var nodes: Int
  public var ranks: Int
  public var lanes: Int
  /// Repeats that stand behind the numbers; 0 for modelled ones.
  public var repeats: Int
  /// The time of a step: the median over the repeats, each being the median of its steps.
  public var stepSeconds: Estimate
  /// Lanes in a second.
  public var throughput: Estimate
  /// Throughput over what the smallest number of nodes gives, times how many more nodes there are.
  public var efficiencyOfSmallest: Estimate
  /// The same against one node; nil where one node was not measured.
  public var efficiencyOfOne: Estimate?
  /// Karp and Flatt's serial fraction of strong scaling: (1/S - 1/p) / (1 - 1/p) for a speed-up of S over one node.
  public var serialFraction: Double?
  /// The parts of a step, seconds: means over all steps, scaled to the step's median.
  public var parts: StepTime
}

/// The rows of the measurements of one kind, smallest number of nodes first; empty if there are none.
///
/// All rows of a kind have one evidence: emulated, if any of them is.
public func scalingRows(_ measurements: [Measurement], kind: StudyPoint.Kind, seed: UInt64) -> [ScalingRow] {
  let ofKind = measurements.filter { $0.point.kind == kind && !$0.run.steps.isEmpty }
  let evidence: Evidence = ofKind.contains { $0.evidence == .emulated } ? .emulated : .measured
  let groups = Dictionary(grouping: ofKind, by: \.point.nodes).sorted { $0.key < $1.key }.map(\.value)
  guard let smallest = groups.first else { return [] }
  let key = RandomKey(seed: seed, volume: kind.rawValue, draw: 0, stream: RandomStream.dataOrder)
  return groups.enumerated().map { number, group in
    let point = group[0].point, key = key.child(UInt64(number)), lanes = Double(point.lanes)
    let times = repeatMedians(group)
    func efficiency(against base: [Measurement]) -> Estimate {
      let from = base[0].point
      // The base against itself is 1 without an interval.
      guard from.nodes != point.nodes else { return Estimate(1, low: 1, high: 1) }
      return bootstrap([repeatMedians(base), times], key: key.child(1)) { samples in
        lanes / median(samples[1]) / (Double(from.lanes) / median(samples[0])) * Double(from.nodes) / Double(point.nodes)
      }
    }
    let seconds = bootstrap([times], key: key.child(0)) { median($0[0]) }
    let one = smallest[0].point.nodes == 1 ? efficiency(against: smallest) : nil
    return ScalingRow(
      kind: kind, evidence: evidence, nodes: point.nodes, ranks: point.ranks, lanes: point.lanes, repeats: group.count,
      stepSeconds: seconds, throughput: seconds.mapped(falling: true) { lanes / $0 },
      efficiencyOfSmallest: efficiency(against: smallest), efficiencyOfOne: one,
      serialFraction: kind == .strong ? one.flatMap { serialFraction(efficiency: $0.value, nodes: point.nodes) } : nil,
      parts: parts(group, median: seconds.value))
  }
}

/// The median step of each repeat.
func repeatMedians(_ group: [Measurement]) -> [Double] { group.map { median($0.run.steps.map(\.wall)) } }

/// Karp and Flatt's metric; nil for one node.
package func serialFraction(efficiency: Double, nodes: Int) -> Double? {
  guard nodes > 1 else { return nil }
  let share = 1 / Double(nodes)
  return (share / efficiency - share) / (1 - share)
}

private func parts(_ group: [Measurement], median: Double) -> StepTime {
  let steps = group.flatMap(\.run.steps)
  let total = steps.reduce(0) { $0 + $1.wall }
  func share(_ part: KeyPath<StepTime, Double>) -> Double {
    total > 0 ? steps.reduce(0) { $0 + $1[keyPath: part] } / total * median : 0
  }
  return StepTime(compute: share(\.compute), wait: share(\.wait), exposed: share(\.exposed), input: share(\.input))
}
