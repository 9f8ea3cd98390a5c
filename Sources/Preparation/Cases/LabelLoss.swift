// Labels must not vanish in silence: what cropping and resampling lose of a case's classes, and what the labels of a whole data set lack.

import Volumes

/// How many voxels of each class a label has before and after the steps that may lose some.
struct LabelLoss {
  /// Voxels by label value in the file, in the box that is not zero, and on the prepared grid.
  private let whole, cropped, resampled: [Int]

  init(whole: [UInt8], cropped: [UInt8], resampled: [UInt8]) {
    (self.whole, self.cropped, self.resampled) = (counts(whole), counts(cropped), counts(resampled))
  }

  /// A sentence for each class that is lost, for one of which more than half is cropped away, and for a label without any class.
  func warnings(of identifier: String, classNames: [String], spacing: Spacing) -> [DataWarning] {
    guard whole[1...].contains(where: { $0 > 0 }) else {
      return [DataWarning(.lostLabel, "\(identifier): its label holds only background: check that it is the right file.")]
    }
    return (1..<classNames.count).compactMap { value in
      loss(of: value, name: classNames[value], spacing: spacing).map { DataWarning(.lostLabel, "\(identifier): \($0)") }
    }
  }

  private func loss(of value: Int, name: String, spacing: Spacing) -> String? {
    let (before, inside, after) = (whole[value], cropped[value], resampled[value])
    let (voxels, are) = before == 1 ? ("voxel of \(name)", "is") : ("voxels of \(name)", "are")
    if 2 * inside < before {
      let share = inside == 0 ? "its \(before)" : "\(before - inside) of its \(before)"
      return "\(share) \(voxels) where the image is 0 \(are) cropped away: check that image and label belong together."
    }
    guard inside > 0, after == 0 else { return nil }
    return "its \(before) \(voxels) \(are) lost at \(spacing): choose a finer --spacing."
  }
}

/// A sentence for each declared class that no labelled case of the packs has. Errors: there is no labelled case, or none has any foreground.
public func labelWarnings(in index: PackIndex) throws(PreparationError) -> [DataWarning] {
  let labelled = index.entries.filter { $0.role == .labelled }
  guard !labelled.isEmpty else {
    throw PreparationError("The packs hold no labelled case: mend the labelled cases that were left out, or add one.")
  }
  let present = Set(labelled.flatMap { entry in entry.foregroundCount.indices.filter { entry.foregroundCount[$0] > 0 } })
    .intersection(index.classNames.indices)
  guard present.contains(where: { $0 > 0 }) else {
    throw PreparationError(
      "None of the \(labelled.count) labelled cases has a voxel of any class once prepared: check the files in labelsTr, or choose a finer --spacing."
    )
  }
  return index.classNames.indices.filter { $0 > 0 && !present.contains($0) }.map { value in
    DataWarning(
      .missingClass,
      "No labelled case has a voxel of class \(value), \(index.classNames[value]), once prepared: add a case that has it, or nothing can be learnt of it."
    )
  }
}

/// How often each value occurs.
private func counts(_ labels: [UInt8]) -> [Int] {
  var counts = [Int](repeating: 0, count: 256)
  labels.withUnsafeBufferPointer { labels in
    counts.withUnsafeMutableBufferPointer { counts in for label in labels { counts[Int(label)] += 1 } }
  }
  return counts
}
