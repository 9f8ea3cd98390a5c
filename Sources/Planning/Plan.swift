// A plan of nnU-Net: how the cases of a data set are prepared and which networks are trained on them (plans.json; MIC-DKFZ/nnUNet v2.8.1,
// nnunetv2/utilities/plans_handling/plans_handler.py). All lists of axes are in the plan's order, the transposed one.

import Preparation

/// The network of a configuration.
public struct PlannedNetwork: Sendable, Equatable {
  /// The class by its full name, or in plans of nnU-Net 2.2 by its short one.
  public var name: String
  /// Channels of each stage, from the finest to the coarsest.
  public var widths: [Int]
  public var kernels: [[Int]]
  /// The first stage has strides of 1.
  public var strides: [[Int]]
  /// Convolutions, or residual blocks, of each stage.
  public var convolutions: [Int]
  public var decoderConvolutions: [Int]

  /// What each side of a patch must be a multiple of.
  public var divisor: [Int] {
    strides.reduce([Int](repeating: 1, count: strides.first?.count ?? 0)) { product, stride in
      zip(product, stride).map { $0 * $1 }
    }
  }
}

/// One way of preparing a data set and of training on it: "2d", "3d_fullres", "3d_lowres".
public struct PlanConfiguration: Sendable, Equatable {
  public var name: String
  public var dataIdentifier: String
  public var batchSize: Int
  /// Two sides for a plane, three for a volume, voxels.
  public var patch: [Int]
  /// At the spacing of the configuration; whole numbers, or halves.
  public var medianShape: [Double]
  /// Millimetres.
  public var spacing: [Double]
  /// For each channel the name of its scheme, and whether it is limited to the object.
  public var normalizations: [String]
  public var usesMask: [Bool]
  /// Whether Dice sums over the samples of a batch.
  public var batchDice: Bool
  public var network: PlannedNetwork
  /// The configurations of a cascade before and after this one.
  public var previousStage, nextStage: String?
  /// The key of a step of preparation that is not done here, such as another resampling; nil for nnU-Net's defaults.
  public var foreignStep: String?
}

/// Everything that a file of plans says.
public struct Plan: Sendable, Equatable {
  public var datasetName: String
  public var plansName: String
  public var medianSpacing: [Double]
  public var medianShape: [Int]
  /// nnU-Net's name of the reader whose axes are transposed.
  public var reader: String
  /// For each axis of the plan the one of the reader, and the way back.
  public var transposeForward, transposeBackward: [Int]
  /// The full-resolution configuration of a cascade is told apart only by what it names: `previousStage`.
  public var configurations: [PlanConfiguration]
  public var planner: String
  public var labelManager: String
  /// One for each channel.
  public var intensities: [IntensityProperties]

  public subscript(name: String) -> PlanConfiguration? { configurations.first { $0.name == name } }
}
