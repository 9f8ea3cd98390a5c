// Files that belong together must lie on one grid; a slip of a header by a few voxels is said and borne.

import Volumes

/// Compares the grids of two files.
/// - Parameter cure: what to do where they differ.
/// - Returns: a warning where only the origins differ, by a few voxels.
/// Errors: any other difference.
func gridWarnings(
  _ first: FileGrid, of firstPath: String, _ second: FileGrid, of secondPath: String, cure: String
) throws(TrainingError) -> [DataWarning] {
  guard let difference = sameGrid(first, second) else { return [] }
  let pair = "\(firstPath) and \(secondPath) \(difference)"
  guard difference.isSlight else { throw TrainingError("\(pair): \(cure).") }
  return [
    DataWarning(
      .labelOrigin,
      "\(pair): they are laid on each other voxel by voxel; correct the header of one if they do not belong together.")
  ]
}
