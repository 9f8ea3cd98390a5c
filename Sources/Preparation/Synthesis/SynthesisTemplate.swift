// The anatomy from which subjects are made: a scan with intensities near 0...1 and a label map, cut to a region of interest.

import Foundation
import Volumes

/// A labelled scan on one grid.
struct SynthesisTemplate {
  var extent: Extent
  /// Millimetres, order D, H, W.
  var spacing: Spacing
  /// [D, H, W]; background 0, bright tissue near 1.
  var voxels: [Float]
  /// [D, H, W]; 0 background, 1...K the classes.
  var labels: [UInt8]
  /// Index = label value.
  var classNames: [String]

  /// The size of the region, millimetres, order D, H, W.
  var size: SIMD3<Float> {
    SIMD3(
      Float(Double(extent.depth) * spacing.depth), Float(Double(extent.height) * spacing.height),
      Float(Double(extent.width) * spacing.width))
  }
}

extension SynthesisTemplate {
  /// Reads the scan and label map of a plan, keeps the chosen classes and cuts both to the classes' box with `margin` millimetres around it.
  init(_ plan: SynthesisPlan, template: String, labels: String, margin: Double) throws(PreparationError) {
    let (image, truth): (Volume, LabelVolume)
    do {
      (image, truth) = (try readVolume(template), try readLabels(labels))
    } catch {
      throw PreparationError(error.description)
    }
    if let difference = sameGrid(image.grid, truth.grid) {
      throw PreparationError("\(template) and \(labels) \(difference): resample one to the grid of the other.")
    }
    let classes = try Self.chosenClasses(plan, truth, path: labels)
    extent = image.extent
    spacing = image.spacing
    self.labels = Self.renumbered(truth.labels, classes)
    classNames = ["background"] + labelNames(of: classes, labelPath: labels)
    voxels = image.voxels
    blur(&voxels, extent: extent, standardDeviation: antialiasing(to: plan.spacing))
    crop(to: labelBox(self.labels, extent, margin: (0..<3).map { Int((margin / spacing[$0]).rounded(.up)) }))
    // The brightest tissue of the region, not of the whole scan, sets the scale, so that contrast curves act on the tissues around the classes.
    let bright = robustMaximum(voxels)
    guard bright > 0 else {
      throw PreparationError("\(template) has no positive voxels around the classes: give a scan with intensities above 0.")
    }
    voxels = voxels.map { max($0, 0) / bright }
  }

  private static func chosenClasses(_ plan: SynthesisPlan, _ truth: LabelVolume, path: String) throws(PreparationError) -> [[Int]]
  {
    var counts = [Int](repeating: 0, count: 256)
    for label in truth.labels { counts[Int(label)] += 1 }
    let present = (1..<256).filter { counts[$0] > 0 }
    guard !present.isEmpty else { throw PreparationError("\(path) has only background: give a label map with classes.") }
    if let absent = plan.classes.flatMap({ $0 }).first(where: { counts[$0] == 0 }) {
      let some = present.prefix(20).map(String.init).joined(separator: ", ")
      throw PreparationError(
        "classes name the value \(absent), which does not occur in \(path): choose from \(some)\(present.count > 20 ? ", ..." : "")."
      )
    }
    return plan.classes.isEmpty ? present.map { [$0] } : plan.classes
  }

  private static func renumbered(_ labels: [UInt8], _ classes: [[Int]]) -> [UInt8] {
    var table = [UInt8](repeating: 0, count: 256)
    for (index, values) in classes.enumerated() { for value in values { table[value] = UInt8(index + 1) } }
    return labels.map { table[Int($0)] }
  }

  /// Standard deviation, in voxels along D, H, W, of the blur that a coarser grid needs: FWHM² = new² − old²
  /// (Cardoso et al., "Scale factor point spread function matching", MICCAI 2015).
  private func antialiasing(to coarser: Double) -> [Double] {
    (0..<3).map { axis in
      let excess = coarser * coarser - spacing[axis] * spacing[axis]
      return excess > 0 ? excess.squareRoot() / (8 * log(2.0)).squareRoot() / spacing[axis] : 0
    }
  }

  private mutating func crop(to box: [Range<Int>]) {
    voxels = cropped(voxels, extent, to: box)
    labels = cropped(labels, extent, to: box)
    extent = Extent(box[0].count, box[1].count, box[2].count)
  }
}

/// The ranges along D, H, W that hold all foreground voxels and `margin` voxels around them, within the array.
func labelBox(_ labels: [UInt8], _ extent: Extent, margin: [Int]) -> [Range<Int>] {
  var lower = [Int.max, Int.max, Int.max]
  var upper = [-1, -1, -1]
  labels.withUnsafeBufferPointer { values in
    var index = 0
    for d in 0..<extent.depth {
      for h in 0..<extent.height {
        for w in 0..<extent.width {
          if values[index] != 0 {
            (lower[0], lower[1], lower[2]) = (min(lower[0], d), min(lower[1], h), min(lower[2], w))
            (upper[0], upper[1], upper[2]) = (max(upper[0], d), max(upper[1], h), max(upper[2], w))
          }
          index += 1
        }
      }
    }
  }
  return (0..<3).map { max(lower[$0] - margin[$0], 0)..<min(upper[$0] + margin[$0] + 1, extent[$0]) }
}

/// The part of an array [D, H, W] within ranges along D, H, W.
func cropped<Value>(_ values: [Value], _ extent: Extent, to box: [Range<Int>]) -> [Value] {
  var result: [Value] = []
  result.reserveCapacity(box[0].count * box[1].count * box[2].count)
  for d in box[0] {
    for h in box[1] {
      let start = extent.index(d, h, box[2].lowerBound)
      result += values[start..<start + box[2].count]
    }
  }
  return result
}

/// The 98th percentile of the positive voxels, from every 37th of them; 0 when there are none.
private func robustMaximum(_ voxels: [Float]) -> Float {
  let sample = stride(from: 0, to: voxels.count, by: 37).map { voxels[$0] }.filter { $0 > 0 }.sorted()
  return sample.isEmpty ? voxels.max() ?? 0 : sample[Int(Double(sample.count - 1) * 0.98)]
}

/// Names of classes from the text file beside the label file ("37 Hippocampus_L 4101" in aal.nii.txt beside aal.nii.gz), else "class-37".
private func labelNames(of classes: [[Int]], labelPath: String) -> [String] {
  let stem = labelPath.hasSuffix(".gz") ? String(labelPath.dropLast(3)) : labelPath
  let candidates = [stem + ".txt", stem.hasSuffix(".nii") ? String(stem.dropLast(4)) + ".txt" : stem + ".txt"]
  let text = candidates.lazy.compactMap { try? String(contentsOfFile: $0, encoding: .utf8) }.first ?? ""
  var names = [Int: String]()
  for line in text.split(whereSeparator: \.isNewline) {
    let words = line.split(whereSeparator: \.isWhitespace)
    if words.count >= 2, let value = Int(words[0]) { names[value] = String(words[1]) }
  }
  var result: [String] = []
  for values in classes {
    let name = groupName(values.map { names[$0] ?? "class-\($0)" })
    result.append(result.contains(name) || name == "background" ? "\(name)-\(values[0])" : name)
  }
  return result
}

/// A left and right pair is called by what its names share; other groups by all names.
private func groupName(_ names: [String]) -> String {
  let stems = Set(names.map { $0.hasSuffix("_L") || $0.hasSuffix("_R") ? String($0.dropLast(2)) : $0 })
  return names.count > 1 && stems.count == 1 ? stems.first! : names.joined(separator: "+")
}
