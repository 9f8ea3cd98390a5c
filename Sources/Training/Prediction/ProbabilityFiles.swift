// Probabilities of classes beside label maps: what ensembles over programs, thresholds and calibration need.

import Files
import Foundation
import Preparation
import Volumes
import Weights

/// A folder into which the probabilities of every case are written.
public struct ProbabilityFiles: Sendable {
  public enum Format: Sendable {
    /// One file of four axes, the last one that of the classes.
    case nifti
    /// NumPy's archive with the key `probabilities`, [K, D, H, W] of the file's axes, as nnU-Net has it (MIC-DKFZ/nnUNet, nnunetv2/inference/export_prediction.py).
    case npz

    /// The option of `cohort predict`.
    var option: String { self == .nifti ? "--probabilities" : "--npz" }
    fileprivate var ending: String { self == .nifti ? ".nii.gz" : ".npz" }
  }
  public let folder: String
  public let format: Format

  public init(folder: String, format: Format) { (self.folder, self.format) = (folder, format) }

  func path(_ identifier: String) -> String { join(folder, identifier + format.ending) }

  /// Errors: a file that cannot be written.
  func write(_ maps: ProbabilityMaps, of identifier: String) throws {
    let volumes = (0..<maps.count).map { maps[$0] }, path = path(identifier)
    do {
      try makeFolder(folder)
      switch format {
      case .nifti: try writeVolumes(volumes, grid: maps.grid, to: path)
      case .npz:
        let shape = [maps.count] + maps.grid.dimensions.reversed()
        try writeNumPyArchive([("probabilities", shape, fileOrder(volumes, maps.grid))], to: path)
      }
    } catch { throw TrainingError("\(error)", exitCode: 79) }
  }
}
