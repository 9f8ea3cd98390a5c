// From a fingerprint to a plan by the rules of nnU-Net's default planner (Isensee et al., Nature Methods 18, 2021; MIC-DKFZ/nnUNet v2.8.1,
// nnunetv2/experiment_planning/experiment_planners/default_experiment_planner.py).

import Kernels
import Preparation

/// What becomes of a configuration of low resolution.
public enum LowResolutionRule: String, Sendable, CaseIterable {
  /// It is kept only if it has less than half of the voxels (nnU-Net 2.8).
  case drop
  /// It is kept whenever a patch sees less than a quarter of a case (nnU-Net 2.2).
  case keep
}

/// What planning needs to know of a data set besides its fingerprint.
public struct PlanningInput: Sendable {
  public var datasetName: String
  public var channelNames: [String]
  /// Labels as dataset.json lists them, background included.
  public var labelCount: Int
  /// Training cases.
  public var caseCount: Int
  public var reader: String

  public init(datasetName: String, channelNames: [String], labelCount: Int, caseCount: Int, reader: String) {
    (self.datasetName, self.channelNames, self.labelCount) = (datasetName, channelNames, labelCount)
    (self.caseCount, self.reader) = (caseCount, reader)
  }
}

/// Plans data sets.
public struct Planner: Sendable {
  public var lowResolution: LowResolutionRule
  /// The memory of a network that is planned for, in parts of nnU-Net's 8 GB.
  public var scale: Double

  public init(lowResolution: LowResolutionRule = .drop, scale: Double = 1) {
    (self.lowResolution, self.scale) = (lowResolution, scale)
  }

  /// The plan for a data set. Error: no case, or another number of channels than the fingerprint has.
  public func plan(_ fingerprint: DatasetFingerprint, _ input: PlanningInput) throws(PreparationError) -> Plan {
    guard !fingerprint.shapes.isEmpty, fingerprint.intensities.count == input.channelNames.count else {
      throw PreparationError(
        "The fingerprint of \(input.datasetName) is one of \(fingerprint.shapes.count) cases with \(fingerprint.intensities.count) channels, and "
          + "the data set has the channels \(input.channelNames.joined(separator: ", ")): make the fingerprint again.")
    }
    let spacing = targetSpacing(fingerprint)
    let order = transpose(spacing)
    let shapes = zip(fingerprint.shapes, fingerprint.spacings).map { shape, old in
      (0..<3).map { (old[$0] / spacing[$0] * Double(shape[$0])).rounded(.toNearestOrEven) }
    }
    let shape = order.map { axis in median(shapes.map { $0[axis] }) }
    let normalization = channelNormalizations(fingerprint, input)
    let configurations = ConfigurationPlanner(
      lowResolution: lowResolution, scale: scale, labels: input.labelCount, cases: input.caseCount,
      normalizations: normalization.map(\.scheme), usesMask: normalization.map(\.usesMask)
    ).configurations(spacing: order.map { spacing[$0] }, shape: shape)
    return Plan(
      datasetName: input.datasetName, plansName: Plan.standardName,
      medianSpacing: order.map { axis in median(fingerprint.spacings.map { $0[axis] }) },
      medianShape: order.map { axis in
        Int(median(fingerprint.shapes.map { Double($0[axis]) }).rounded(.toNearestOrEven))
      }, reader: input.reader,
      transposeForward: order, transposeBackward: (0..<3).map { order.firstIndex(of: $0)! }, configurations: configurations,
      planner: "ExperimentPlanner", labelManager: "LabelManager", intensities: fingerprint.intensities)
  }

  /// The median along each axis. If that leaves one axis more than three times coarser than the others in volumes that are also flat along it, it takes
  /// the 10th percentile instead.
  private func targetSpacing(_ fingerprint: DatasetFingerprint) -> [Double] {
    let sorted = (0..<3).map { axis in fingerprint.spacings.map { $0[axis] }.sorted() }
    let shape = (0..<3).map { axis in median(fingerprint.shapes.map { Double($0[axis]) }) }
    return Preparation.targetSpacing(medians: sorted.map { median($0) }, sorted: sorted, shape: shape)
  }

  /// The axis of the coarsest spacing first, then the others in their order.
  private func transpose(_ spacing: [Double]) -> [Int] {
    let worst = spacing.firstIndex(of: spacing.max()!)!
    return [worst] + (0..<3).filter { $0 != worst }
  }

  /// The schemes by the channels' names. Only z-scores are limited to the object, if crops keep less than three quarters of the voxels.
  private func channelNormalizations(
    _ fingerprint: DatasetFingerprint, _ input: PlanningInput
  ) -> [(scheme: String, usesMask: Bool)] {
    input.channelNames.map { name in
      let scheme = ChannelNormalization.Scheme(ofChannel: name)
      return (scheme.rawValue, scheme == .zScore && fingerprint.relativeSize < 0.75)
    }
  }
}

extension Plan {
  /// The name that nnU-Net gives to plans of its default planner.
  static let standardName = "nnUNetPlans"
}
