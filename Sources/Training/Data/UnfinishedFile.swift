// Names of unfinished files in folders where several runs may write at once, such as that of the prepared data.

import Files

/// The name under which a rank of a run writes a file until it is whole. It is its own, so that neither runs nor ranks meet, and the same at each
/// start, so that what a killed one has left is written over.
func unfinishedPath(of path: String, run: String, rank: Int = 0) -> String {
  let bytes = Array("\(realPath(run)) \(rank)".utf8), hash = bytes.withUnsafeBytes { xxh64(of: $0) }
  return "\(path).\(String(hash, radix: 16)).tmp"
}
