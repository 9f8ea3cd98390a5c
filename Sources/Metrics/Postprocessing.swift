// Which removals of small parts help, found on predictions with references (MIC-DKFZ/nnUNet, nnunetv2/postprocessing/remove_connected_components.py): first
// all but the largest part of all foreground together, then all but the largest part of each class.

import Volumes

/// What is done to a label map after prediction.
public struct Postprocessing: Codable, Sendable, Equatable {
  /// Whether only the largest part of all foreground stays.
  public var largestForeground = false
  /// The labels of which then only the largest part stays, ascending.
  public var largestOfClasses: [Int] = []

  public init(largestForeground: Bool = false, largestOfClasses: [Int] = []) {
    (self.largestForeground, self.largestOfClasses) = (largestForeground, largestOfClasses)
  }

  /// Works on labels [D, H, W] = `extent`.
  public func apply(to labels: inout [UInt8], extent: Extent) {
    if largestForeground { keepLargestPart(in: &labels, extent: extent) { $0 > 0 } }
    for label in largestOfClasses { keepLargestPart(in: &labels, extent: extent) { Int($0) == label } }
  }
}

/// A decision and what it rests on.
public struct PostprocessingDecision: Codable, Sendable {
  public var postprocessing = Postprocessing()
  /// Mean Dice over cases by label, in text for JSON: as predicted, and as the decision leaves it.
  public var diceBefore: [String: Double] = [:]
  public var diceAfter: [String: Double] = [:]
  public var cases = 0
}

/// Decides on cross-validation predictions. The largest part of all foreground is kept if the mean Dice of the classes rises and that of none falls; then,
/// where there are several classes, the largest part of a class if its mean Dice rises. A class that neither map of a case has counts nothing there.
/// - Parameter forEachCase: calls its argument with prediction and reference [D, H, W] = extent of every case; it is used twice.
public func decidePostprocessing(
  _ forEachCase: (_ body: (_ prediction: [UInt8], _ reference: [UInt8], _ extent: Extent) -> Void) throws -> Void
) rethrows -> PostprocessingDecision {
  var decision = PostprocessingDecision(), predicted = DiceMeans(), largest = DiceMeans()
  try forEachCase { prediction, reference, extent in
    decision.cases += 1
    predicted.add(prediction, reference, extent)
    largest.add(Postprocessing(largestForeground: true).applied(to: prediction, extent), reference, extent)
  }
  let classes = predicted.labels.union(largest.labels).sorted()
  decision.postprocessing.largestForeground =
    largest.overall > predicted.overall && !classes.contains { largest[$0] < predicted[$0] }
  let base = decision.postprocessing
  var (before, after) = (decision.postprocessing.largestForeground ? largest : predicted, DiceMeans())
  if classes.count > 1 {
    try forEachCase { prediction, reference, extent in
      let kept = base.applied(to: prediction, extent)
      for label in classes {
        let trial = Postprocessing(largestOfClasses: [Int(label)]).applied(to: kept, extent)
        after.add(trial, reference, extent, only: label)
      }
    }
    for label in classes where after[label] > before[label] {
      decision.postprocessing.largestOfClasses.append(Int(label))
      before.take(label, from: after)
    }
  }
  (decision.diceBefore, decision.diceAfter) = (predicted.named, before.named)
  return decision
}

extension Postprocessing {
  fileprivate func applied(to labels: [UInt8], _ extent: Extent) -> [UInt8] {
    var result = labels
    apply(to: &result, extent: extent)
    return result
  }
}

/// Sums of Dice by label over the cases in which either map has the label.
private struct DiceMeans {
  private var sums: [UInt8: (sum: Double, count: Int)] = [:]

  var labels: Set<UInt8> { Set(sums.keys) }
  /// The mean of a label; not a number where no case has it.
  subscript(label: UInt8) -> Double { sums[label].map { $0.sum / Double($0.count) } ?? .nan }
  /// The mean over labels.
  var overall: Double { sums.isEmpty ? .nan : sums.keys.reduce(0) { $0 + self[$1] } / Double(sums.count) }
  var named: [String: Double] { Dictionary(uniqueKeysWithValues: sums.keys.map { ("\($0)", self[$0]) }) }

  mutating func add(_ prediction: [UInt8], _ reference: [UInt8], _ extent: Extent, only label: UInt8? = nil) {
    let comparison = LabelComparison(prediction: prediction, reference: reference, extent: extent)
    for found in comparison.labels where label == nil || found == label {
      let counts = comparison.counts(of: found), old = sums[found] ?? (0, 0)
      sums[found] = (old.sum + 2 * Double(counts.both) / Double(counts.prediction + counts.reference), old.count + 1)
    }
  }

  mutating func take(_ label: UInt8, from other: Self) { sums[label] = other.sums[label] }
}
