// nnU-Net's losses (MIC-DKFZ/nnUNet v2.8.1, nnunetv2/training/loss/dice.py and compound_losses.py): Dice with the sums of probabilities in its
// denominators, of single samples or of a whole batch, whose other samples may lie on other lanes and ranks; cross entropy and, of regions that
// overlap, binary cross entropy. A voxel whose label is no class counts in none of them.
// Axes: B batch, D H W voxels, K classes or regions.

import Kernels
import Tensors

/// What a voxel of each label ought to score.
public struct LabelTargets: Sendable, Equatable {
  /// K.
  public let classes: Int
  /// [L, K], 1 for what a label is part of.
  let table: [Float]
  /// Whether a voxel may be part of several: scores are then sigmoids, and all of them count in Dice.
  public let areRegions: Bool
  /// The classes whose Dice counts.
  let scored: Range<Int>

  /// Each label is its own class, the first of them background.
  /// - Parameter scoresBackground: whether its Dice counts as those of the others do.
  public init(classes: Int, scoresBackground: Bool = false) {
    (self.classes, areRegions) = (classes, false)
    scored = (scoresBackground ? 0 : 1)..<classes
    table = (0..<classes * classes).map { $0 / classes == $0 % classes ? 1 : 0 }
  }

  /// - Parameters:
  ///   - regions: the labels of each region.
  ///   - labels: the number of labels, background included; higher ones count nowhere.
  public init(regions: [[Int]], labels: Int) {
    (classes, areRegions, scored) = (regions.count, true, regions.indices)
    table = (0..<labels).flatMap { label in regions.map { $0.contains(label) ? 1 : 0 } }
  }

  /// The number of voxels that count.
  public func voxels(_ labels: [UInt8]) -> Int { labels.count { isKnown($0) } }

  /// Whether a voxel with this label counts.
  func isKnown(_ label: UInt8) -> Bool { Int(label) < table.count / classes }
}

/// Sums from which Dice follows, of one sample or of many.
public struct OverlapSums: Sendable, Equatable {
  /// Σ p·y, Σ p and Σ y of each class, and the number of voxels.
  public var values: [Double]
  private var classes: Int { (values.count - 1) / 3 }

  public init(_ values: [Double]) { self.values = values }

  /// - Parameter p: [B, D, H, W, K], with B·D·H·W labels.
  public init(_ p: Tensor, labels: [UInt8], _ targets: LabelTargets) {
    values = overlapSums(p.pointer, labels: labels, table: targets.table, count: p.shape.rows, classes: targets.classes)
  }

  public var voxels: Double { values[3 * classes] }

  static let smooth = 1e-5

  /// (2 Σ p·y + s) and max(Σ p + Σ y + s, 1e-8) of a class.
  func parts(_ k: Int) -> (numerator: Double, denominator: Double) {
    (2 * values[k] + Self.smooth, max(values[classes + k] + values[2 * classes + k] + Self.smooth, 1e-8))
  }
}

extension Tape {
  /// Minus the mean over the classes (without background, unless they are regions) of (2 Σ p·y + s) / (Σ p + Σ y + s), s = 1e-5.
  /// - Shape: p [B, D, H, W, K], B·D·H·W labels.
  /// - Parameters:
  ///   - sums: of the batch that this one is a part of; nil: it is the whole.
  ///   - share: of the gradient that this part is to have, above 1 where gradients of parts are averaged.
  public func overlapLoss(
    _ p: Tensor, labels: [UInt8], _ targets: LabelTargets, sums: OverlapSums? = nil, share: Double = 1
  ) -> Scalar {
    requireTargets(p, labels, targets, "overlap loss")
    let sums = sums ?? OverlapSums(p, labels: labels, targets), classes = targets.classes, scored = Double(targets.scored.count)
    var loss = 0.0, onOverlap = [Double](repeating: 0, count: classes), onValue = onOverlap
    for k in targets.scored {
      let (numerator, denominator) = sums.parts(k)
      loss -= numerator / denominator / scored
      onOverlap[k] = -2 / denominator / scored
      onValue[k] = numerator / (denominator * denominator) / scored
    }
    return recordScalar("overlapLoss", inputs: [p], value: loss) { seed in
      let dp = Tensor(uninitialized: p.shape)
      overlapGradient(
        labels: labels, table: targets.table, onOverlap: onOverlap.map { Float(share * seed * $0) },
        onValue: onValue.map { Float(share * seed * $0) }, into: dp.pointer, count: p.shape.rows, classes: classes)
      self.accumulate(dp, for: p)
    }
  }

  /// The sum of binary cross entropies of all scores of the voxels that count, divided by `terms`.
  /// - Shape: logits [B, D, H, W, K], B·D·H·W labels.
  public func regionCrossEntropy(_ logits: Tensor, labels: [UInt8], _ targets: LabelTargets, terms: Double) -> Scalar {
    requireTargets(logits, labels, targets, "region cross entropy")
    let count = logits.count, (z, y) = halved(logits, labels, targets)
    let others = Double((logits.shape.rows - targets.voxels(labels)) * targets.classes) * logarithm(2)
    let value = (binaryCrossEntropySum(z.pointer, targets: y.pointer, count: count) - others) / terms
    return recordScalar("regionCrossEntropy", inputs: [logits], value: value) { seed in
      let dz = Tensor(uninitialized: logits.shape)
      binaryCrossEntropyGradient(z.pointer, targets: y.pointer, scale: Float(seed / terms), into: dz.pointer, count: count)
      self.accumulate(dz, for: logits)
    }
  }

  /// The logits and their targets. Voxels that do not count have logit 0 and target ½: their gradient is 0, their cross entropy log 2.
  private func halved(_ logits: Tensor, _ labels: [UInt8], _ targets: LabelTargets) -> (logits: Tensor, targets: Tensor) {
    let count = logits.shape.rows, classes = targets.classes, y = Tensor(uninitialized: logits.shape)
    spreadRows(targets.table, labels: labels, otherwise: 0.5, into: y.pointer, count: count, classes: classes)
    if targets.voxels(labels) == count { return (logits, y) }
    let z = Tensor(uninitialized: logits.shape)
    for voxel in 0..<count {
      let isKnown = targets.isKnown(labels[voxel])
      for k in voxel * classes..<(voxel + 1) * classes { z.pointer[k] = isKnown ? logits.pointer[k] : 0 }
    }
    return (z, y)
  }
}

private func requireTargets(_ scores: Tensor, _ labels: [UInt8], _ targets: LabelTargets, _ operation: String) {
  require(
    scores.shape.channels == targets.classes && scores.shape.rows == labels.count,
    "\(operation): \(labels.count) labels of \(targets.classes) classes for scores \(scores.shape): give one label for each voxel."
  )
}
