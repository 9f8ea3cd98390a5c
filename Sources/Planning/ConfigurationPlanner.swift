// Patch, network and batch of each configuration of a plan (MIC-DKFZ/nnUNet v2.8.1,
// nnunetv2/experiment_planning/experiment_planners/default_experiment_planner.py). Axes are in the plan's order.

import Foundation

/// What all configurations of a plan have in common.
struct ConfigurationPlanner {
  let lowResolution: LowResolutionRule
  let scale: Double
  let labels, cases: Int
  let normalizations: [String]
  let usesMask: [Bool]

  /// The network of a plane or of a volume that a batch is measured against.
  private struct Reference {
    let values: Double
    let batch: Int
    let widest: Int
    /// Voxels of the first patch.
    let voxels: Double

    static let plane = Reference(values: 85e6, batch: 12, widest: 512, voxels: 2048 * 2048)
    static let volume = Reference(values: 560e6, batch: 2, widest: 320, voxels: 256 * 256 * 256)
  }

  /// - Parameters:
  ///   - spacing: that of full resolution, mm.
  ///   - shape: the median shape at it, voxels.
  func configurations(spacing: [Double], shape: [Double]) -> [PlanConfiguration] {
    let voxels = product(shape) * Double(cases)
    var plane = configuration("2d", spacing: Array(spacing[1...]), shape: Array(shape[1...]), voxels: voxels)
    plane.batchDice = true
    guard shape[0] != 1 else { return [plane] }
    var full = configuration("3d_fullres", spacing: spacing, shape: shape, voxels: voxels)
    guard var low = lowConfiguration(full, shape: shape) else { return [plane, full] }
    full.batchDice = true
    low.nextStage = Self.cascade
    var last = full
    (last.name, last.previousStage) = (Self.cascade, low.name)
    return [plane, low, full, last]
  }

  /// The last stage of a cascade.
  static let cascade = "3d_cascade_fullres"

  /// The configuration in which a patch sees a quarter of a case; nil if that of full resolution does, or nearly.
  private func lowConfiguration(_ full: PlanConfiguration, shape: [Double]) -> PlanConfiguration? {
    var spacing = full.spacing, voxels = product(shape), found: PlanConfiguration?
    while Double((found ?? full).patch.reduce(1, *)) / voxels < 0.25 {
      let coarsest = spacing.max()!
      let finer = spacing.indices.filter { coarsest / spacing[$0] > 2 }
      for axis in finer.isEmpty ? Array(spacing.indices) : finer { spacing[axis] *= 1.03 }
      let exact = spacing.indices.map { full.spacing[$0] / spacing[$0] * shape[$0] }
      voxels = product(exact)
      found = configuration(
        "3d_lowres", spacing: spacing, shape: exact.map { $0.rounded(.toNearestOrEven) }, voxels: voxels * Double(cases))
    }
    return lowResolution == .drop && product(shape) / voxels < 2 ? nil : found
  }

  /// - Parameter voxels: those of all cases together.
  private func configuration(_ name: String, spacing: [Double], shape: [Double], voxels: Double) -> PlanConfiguration {
    let reference = spacing.count == 2 ? Reference.plane : .volume, limit = reference.values * scale
    func estimate(_ topology: Topology) -> Double {
      topology.estimate(widths: topology.widths(base: 32, most: reference.widest), labels: labels)
    }
    var topology = Topology(spacing: spacing, patch: firstPatch(spacing, shape, reference))
    while estimate(topology) / Double(reference.batch) * 2 > limit, let smaller = smaller(topology, spacing, shape) {
      topology = smaller
    }
    let patchVoxels = product(topology.patch.map(Double.init))
    let fitting = (limit / estimate(topology) * Double(reference.batch)).rounded(.toNearestOrEven)
    // No step may see more than a twentieth of the data.
    let share = (voxels * 0.05 / patchVoxels).rounded(.toNearestOrEven)
    let stages = topology.strides.count
    return PlanConfiguration(
      name: name, dataIdentifier: "\(Plan.standardName)_\(name)", batchSize: max(2, Int(min(fitting, share))),
      patch: topology.patch, medianShape: shape, spacing: spacing, normalizations: normalizations, usesMask: usesMask,
      batchDice: false,
      network: PlannedNetwork(
        name: PlannedNetwork.plainName, widths: topology.widths(base: 32, most: reference.widest), kernels: topology.kernels,
        strides: topology.strides, convolutions: [Int](repeating: 2, count: stages),
        decoderConvolutions: [Int](repeating: 2, count: stages - 1)))
  }

  /// A cube in millimetres, no larger than the median case.
  private func firstPatch(_ spacing: [Double], _ shape: [Double], _ reference: Reference) -> [Double] {
    let fineness = spacing.map { 1 / $0 }
    let factor = pow(reference.voxels / product(fineness), 1 / Double(spacing.count))
    return zip(fineness, shape).map { min(($0 * factor).rounded(.toNearestOrEven), $1) }
  }

  /// The next smaller patch: the axis along which it sees most of the median case loses a step. Nil where that would leave nothing.
  private func smaller(_ topology: Topology, _ spacing: [Double], _ shape: [Double]) -> Topology? {
    let ratios = zip(topology.patch, shape).map { Double($0) / $1 }
    let axis = ratios.lastIndex(of: ratios.max()!)!
    guard topology.patch[axis] > topology.divisor[axis] else { return nil }
    var trial = topology.patch.map(Double.init)
    trial[axis] -= Double(topology.divisor[axis])
    var patch = topology.patch.map(Double.init)
    patch[axis] -= Double(Topology(spacing: spacing, patch: trial).divisor[axis])
    return Topology(spacing: spacing, patch: patch)
  }
}

private func product(_ values: [Double]) -> Double { values.reduce(1, *) }
