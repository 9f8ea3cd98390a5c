// What people should know of the packs before they train on them: cases that are missing, classes that nothing can be learnt of.

import Preparation
import Volumes

/// Sentences about packs in `folder`. Error: no labelled case has a voxel of any class.
func dataWarnings(of index: PackIndex, in folder: String) throws(PreparationError) -> [String] {
  let found = listed(try labelWarnings(in: index))
  guard !index.omitted.isEmpty else { return found }
  let names = index.omitted.prefix(10).map(\.identifier).joined(separator: ", ") + (index.omitted.count > 10 ? ", ..." : "")
  return [
    "\(folder) lacks \(counted(index.omitted.count, "case")) of its data set that could not be prepared (\(names)): mend or remove the files and prepare again."
  ] + found
}
