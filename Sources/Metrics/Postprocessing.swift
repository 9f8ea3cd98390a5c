// Which removals of small parts help, found on predictions with references (MIC-DKFZ/nnUNet v2.8.1, nnunetv2/postprocessing/remove_connected_components.py):
// first all but the largest part of all foreground together, then all but the largest part of each class, or of each region, one after the other.

import Volumes

/// What is done to a label map after prediction.
public struct Postprocessing: Codable, Sendable, Equatable {
  /// Whether only the largest part of all foreground stays.
  public var largestForeground = false
  /// Classes and regions, by their labels, of which then only the largest part stays, in this order.
  public var largestOf: [[Int]] = []

  public init(largestForeground: Bool = false, largestOf: [[Int]] = []) {
    (self.largestForeground, self.largestOf) = (largestForeground, largestOf)
  }

  /// Works on labels [D, H, W] = `extent`. What is removed becomes background, also where it has the label of another region.
  public func apply(to labels: inout [UInt8], extent: Extent) {
    if largestForeground { keepLargestPart(in: &labels, extent: extent) { $0 > 0 } }
    for structure in largestOf { keepLargestPart(in: &labels, extent: extent) { structure.contains(Int($0)) } }
  }

  fileprivate func applied(to labels: [UInt8], _ extent: Extent) -> [UInt8] {
    var result = labels
    apply(to: &result, extent: extent)
    return result
  }
}

/// A decision and what it rests on.
public struct PostprocessingDecision: Codable, Sendable {
  public var postprocessing = Postprocessing()
  /// Mean Dice over cases by class or region, as summary.json calls them: as predicted, and as the decision leaves it.
  public var diceBefore: [String: Double] = [:]
  public var diceAfter: [String: Double] = [:]
  public var cases = 0
}

/// Decides on cross-validation predictions. The largest part of all foreground is kept if the mean Dice of the structures (classes, or regions) rises and
/// that of none falls; then, where there are several, the largest part of a structure if its mean Dice rises. Regions share voxels, so each is tried on
/// what those before it have left. A structure that neither map of a case has counts nothing there.
/// - Parameters:
///   - meaning: of the labels.
///   - forEachCase: calls its argument with prediction and reference [D, H, W] = extent of every case; it is used several times.
public func decidePostprocessing(
  _ meaning: LabelMeaning,
  _ forEachCase: (_ body: (_ prediction: [UInt8], _ reference: [UInt8], _ extent: Extent) -> Void) throws -> Void
) rethrows -> PostprocessingDecision {
  let foreground = Postprocessing(largestForeground: true)
  var decision = PostprocessingDecision(), predicted = DiceMeans(meaning), largest = predicted
  try forEachCase { prediction, reference, extent in
    decision.cases += 1
    predicted.add(prediction, reference, extent)
    largest.add(foreground.applied(to: prediction, extent), reference, extent)
  }
  let structures = predicted.numbers.union(largest.numbers).sorted()
  let rises = largest.overall > predicted.overall && !structures.contains { largest[$0] < predicted[$0] }
  if rises { decision.postprocessing = foreground }
  var left = rises ? largest : predicted
  // Classes share no voxels, so one pass over the cases tries all of them.
  let groups = structures.count < 2 ? [] : meaning.regions == nil ? [structures] : structures.map { [$0] }
  for group in groups {
    let base = decision.postprocessing
    var trial = DiceMeans(meaning)
    try forEachCase { prediction, reference, extent in
      let kept = base.applied(to: prediction, extent)
      for structure in group {
        let tried = Postprocessing(largestOf: [meaning.labels(of: structure)]).applied(to: kept, extent)
        trial.add(tried, reference, extent, only: meaning.regions == nil ? structure : nil)
      }
    }
    for structure in group where trial[structure] > left[structure] {
      decision.postprocessing.largestOf.append(meaning.labels(of: structure))
      if meaning.regions == nil { left.take(structure, from: trial) } else { left = trial }
    }
  }
  (decision.diceBefore, decision.diceAfter) = (predicted.named, left.named)
  return decision
}

extension LabelMeaning {
  /// The labels of the class or the region of a number, from 1.
  fileprivate func labels(of structure: UInt8) -> [Int] {
    regions.map { $0[Int(structure) - 1].labels.sorted() } ?? [Int(structure)]
  }
}

/// Sums of Dice by class or region over the cases in which either map has it.
private struct DiceMeans {
  private let meaning: LabelMeaning
  private var sums: [UInt8: (sum: Double, count: Int)] = [:]

  init(_ meaning: LabelMeaning) { self.meaning = meaning }

  var numbers: Set<UInt8> { Set(sums.keys) }
  /// The mean of a structure; not a number where no case has it.
  subscript(number: UInt8) -> Double { sums[number].map { $0.sum / Double($0.count) } ?? .nan }
  /// The mean over structures.
  var overall: Double { sums.isEmpty ? .nan : sums.keys.reduce(0) { $0 + self[$1] } / Double(sums.count) }
  var named: [String: Double] {
    Dictionary(uniqueKeysWithValues: sums.keys.map { (summaryName(of: meaning.labels(of: $0)), self[$0]) })
  }

  mutating func add(_ prediction: [UInt8], _ reference: [UInt8], _ extent: Extent, only number: UInt8? = nil) {
    let pair = LabelPair(prediction: prediction, reference: reference, extent: extent, meaning)
    for comparison in pair.comparisons {
      for found in comparison.labels where number == nil || found == number {
        let counts = comparison.counts(of: found), old = sums[found] ?? (0, 0)
        sums[found] = (old.sum + 2 * Double(counts.both) / Double(counts.prediction + counts.reference), old.count + 1)
      }
    }
  }

  mutating func take(_ number: UInt8, from other: Self) { sums[number] = other.sums[number] }
}
