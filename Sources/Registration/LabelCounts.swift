// Two label maps held against each other in one pass, for Dice of classes and of structures that several labels make up.

/// How many voxels have each label in one map and each in another.
struct LabelCounts {
  /// K.
  private let classes: Int
  /// Rows are labels of the first map, columns those of the reference.
  private var counts: [Int]

  /// Voxels whose reference is no class do not count; a label that is no class counts as background.
  init(_ labels: [UInt8], _ reference: [UInt8], classes: Int) {
    self.classes = classes
    counts = [Int](repeating: 0, count: classes * classes)
    for (label, truth) in zip(labels, reference) where Int(truth) < classes {
      counts[(Int(label) < classes ? Int(label) : 0) * classes + Int(truth)] += 1
    }
  }

  /// Dice of the voxels that have one of several labels; nil where the reference has none of them.
  func dice(of structure: [Int]) -> Double? {
    let all = 0..<classes
    let wanted = structure.reduce(0) { sum, label in sum + all.reduce(0) { $0 + counts[$1 * classes + label] } }
    let found = structure.reduce(0) { sum, label in sum + all.reduce(0) { $0 + counts[label * classes + $1] } }
    let both = structure.reduce(0) { sum, label in sum + structure.reduce(0) { $0 + counts[label * classes + $1] } }
    return wanted == 0 ? nil : 2 * Double(both) / Double(found + wanted)
  }
}

/// Mean Dice over the foreground classes that the reference has; 0 if it has none.
public func meanDice(_ labels: [UInt8], _ reference: [UInt8], classes: Int) -> Double {
  let counts = LabelCounts(labels, reference, classes: max(classes, 2))
  let dice = (1..<max(classes, 2)).compactMap { counts.dice(of: [$0]) }
  return dice.isEmpty ? 0 : dice.reduce(0, +) / Double(dice.count)
}
