// Data with voxels of which nothing is known: losses leave them out, and what looks at labels as a whole cannot.

import Volumes

extension PackIndex {
  /// Error: a label may say that nothing is known of a voxel.
  /// - Parameters:
  ///   - user: what needs to know the class of every voxel.
  ///   - alternative: what does without.
  func requireNoIgnored(_ user: String, in data: String, or alternative: String) throws(TrainingError) {
    guard labels.hasIgnored else { return }
    throw TrainingError(
      "\(data) has the label ignore, and \(user) needs to know the class of every voxel of a labelled case: set \(alternative), or give those voxels a class."
    )
  }
}
