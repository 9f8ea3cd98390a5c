// The settings that shape prepared arrays. They are kept as text in the index of the packs, so that prediction prepares its images alike and
// packs made otherwise are never mixed.

import Foundation
import Kernels
import Volumes

/// How raw volumes become prepared cases.
public struct PreparationSettings: Codable, Sendable, Hashable {
  /// The spacing of the prepared arrays, mm.
  public var spacing: Spacing
  public var normalization: Normalization
  /// What a plan of nnU-Net asks for besides; nil without one, and then absent from the text.
  public var planned: PlannedPreparation?
  /// Raised when the preparation itself changes, so that older packs are made again.
  public private(set) var version = 1

  public init(spacing: Spacing, normalization: Normalization = .wholeCrop, planned: PlannedPreparation? = nil) {
    (self.spacing, self.normalization, self.planned) = (spacing, normalization, planned)
  }

  /// The text in `PackIndex.preparation`: JSON with sorted keys.
  public var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    guard let data = try? encoder.encode(self) else {
      fatalError("preparation settings \(self) cannot be written as JSON; use a finite spacing")
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// The settings that packs were made with. Error: the text is not that of settings of this version.
  public init(text: String) throws(PreparationError) {
    let current = PreparationSettings(spacing: Spacing(1, 1, 1)).version
    guard let settings = try? JSONDecoder().decode(PreparationSettings.self, from: Data(text.utf8)), settings.version == current
    else {
      throw PreparationError("The packs were prepared by another version of Cohort (\(text)): run `cohort prepare` again.")
    }
    self = settings
  }

  /// Error: a spacing that no scan has.
  func validate() throws(PreparationError) {
    guard (0..<3).allSatisfy({ (0.001...1000).contains(spacing[$0]) }) else {
      throw PreparationError(
        "The target spacing \(spacing) is not from 0.001 to 1000 mm: give one or three lengths in mm, such as 1.5.")
    }
    if let complaint = planned?.complaint {
      throw PreparationError("The settings of a plan \(complaint): make the plan again, or prepare without it.")
    }
  }
}

/// The spacing (mm) that a data set is brought to unless the user asks for another, from extents before cropping, so that headers suffice.
package func targetSpacing(_ grids: [(extent: Extent, spacing: Spacing)]) -> Spacing {
  let sorted = (0..<3).map { axis in grids.map { $0.spacing[axis] }.sorted() }
  let target = targetSpacing(
    medians: sorted.map { quantile(ofSorted: $0, 0.5) }, sorted: sorted,
    shape: (0..<3).map { axis in quantile(ofSorted: grids.map { Double($0.extent[axis]) }.sorted(), 0.5) })
  return Spacing(target[0], target[1], target[2])
}

/// The median spacing along each axis. If that leaves one axis more than three times coarser than the others in volumes that are also flat along it,
/// this axis takes the 10th percentile instead (MIC-DKFZ/nnUNet, default_experiment_planner.py).
/// - Parameters:
///   - medians: the median spacings, mm.
///   - sorted: the spacings of all cases along each axis, ascending, mm.
///   - shape: the median shape, voxels.
package func targetSpacing(medians: [Double], sorted: [[Double]], shape: [Double]) -> [Double] {
  var target = medians
  let worst = target.firstIndex(of: target.max()!)!
  let others = (0..<3).filter { $0 != worst }
  let coarsestOther = others.map { target[$0] }.max()!
  let isFlat = 3 * shape[worst] < others.map { shape[$0] }.min()!
  if target[worst] > 3 * coarsestOther && isFlat {
    let finer = quantile(ofSorted: sorted[worst], 0.1)
    target[worst] = finer < coarsestOther ? coarsestOther + 1e-5 : finer
  }
  return target
}
