// A prediction and the reference that it is held against: which files of two folders they are, and both read on one grid.

import Files
import Volumes

/// A prediction and its reference.
struct LabelMapPair {
  let name, prediction, reference: String

  /// Throws if both maps and `bytes` more do not fit the memory.
  func requireMemory(_ bytes: Int, for user: String) throws(TrainingError) {
    guard let problem = FreeMemory.shortage(of: bytes, for: user) else { return }
    throw TrainingError("\(reference) is too large, \(problem): crop both maps, or take a machine with more memory.")
  }

  /// Both maps [D, H, W], the grid of the reference, and what to say of the headers.
  func read() throws -> (prediction: [UInt8], reference: [UInt8], grid: FileGrid, warnings: [DataWarning]) {
    let grid = try readGrid(reference)
    let warnings = try gridWarnings(
      try readGrid(prediction), of: prediction, grid, of: reference, cure: "write the prediction on the image's grid")
    let voxels = grid.dimensions.reduce(1) { $0 * Double($1) }
    try requireMemory(Int(min(1e18, 10 * voxels)), for: "reading both label maps")
    return (try readLabels(prediction).labels, try readLabels(reference).labels, grid, grid.warnings(of: reference) + warnings)
  }
}

/// The pair that two files are, or the pairs of files of one name in two folders. Errors: references without a prediction, all of them listed.
func paired(_ predicted: LabelMaps, _ truth: LabelMaps) throws -> [LabelMapPair] {
  if predicted.paths.count == 1, truth.paths.count == 1, predicted.path == predicted.paths.values.first,
    truth.path == truth.paths.values.first
  {
    return [LabelMapPair(name: truth.cases[0], prediction: predicted.path, reference: truth.path)]
  }
  try predicted.require(truth.cases, cure: "predict every case, or remove its reference")
  return truth.cases.map { LabelMapPair(name: $0, prediction: predicted.paths[$0]!, reference: truth.paths[$0]!) }
}
