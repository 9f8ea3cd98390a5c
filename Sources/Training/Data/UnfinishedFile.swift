// Names of unfinished files in folders where several runs may write at once, such as that of the prepared data.

import Files

/// The name under which a run writes a file until it is whole. It is the run's own, so that runs do not meet, and the same at each of its starts, so
/// that what a killed one has left is written over.
func unfinishedPath(of path: String, run: String) -> String {
  let bytes = Array(realPath(run).utf8), hash = bytes.withUnsafeBytes { xxh64(of: $0) }
  return "\(path).\(String(hash, radix: 16)).tmp"
}
