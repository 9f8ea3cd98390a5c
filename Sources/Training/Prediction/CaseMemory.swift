// Whether a case fits into memory, asked before each of its large arrays is made: the voxels of its files, and the scores of its prepared volume.

import Files
import Preparation
import Volumes

/// What a case of prediction may take.
struct CaseMemory {
  /// Channels of the image, and values of each voxel that are held for the whole prepared volume.
  var channels, values: Int
  /// Values of each voxel that the sliding window averages, in as many planes as a patch has.
  var windowValues = 0, windowDepth = 0
  /// The ranks of this host, which do a case each at the same time.
  var ranks: Int

  /// Throws if the files of a case, all of this grid, cannot be read into memory: floats, and the bytes of one file.
  func checkReading(_ grid: FileGrid, of path: String) throws(TrainingError) {
    let voxels = grid.dimensions.reduce(1) { $0 * Double($1) }
    let size = grid.dimensions.map(String.init).joined(separator: "x")
    if let problem = shortage(of: voxels * Double(4 * channels + 4), for: "reading \(size) voxels") {
      throw TrainingError("\(path) is too large, \(problem): crop it, or take a machine with more memory.")
    }
  }

  /// Throws if the prepared image of this extent and its scores cannot be held.
  func checkScores(_ extent: Extent, of path: String) throws(PreparationError) {
    let plane = 4 * Double(extent.height) * Double(extent.width)
    let window = plane * Double(min(windowDepth, extent.depth)) * Double(windowValues + 1)
    let bytes = plane * Double(extent.depth) * Double(channels + max(channels, values) + 1) + window
    if let problem = shortage(of: bytes, for: "predicting \(max(values, windowValues)) values at each of \(extent) voxels") {
      throw PreparationError("\(path) is too large, \(problem): crop it, or take a machine with more memory.")
    }
  }

  private func shortage(of bytes: Double, for user: String) -> String? {
    FreeMemory.shortage(
      of: Int(min(bytes * Double(ranks), 1e18)), for: ranks > 1 ? "\(user) on the \(ranks) ranks of this host" : user)
  }
}
