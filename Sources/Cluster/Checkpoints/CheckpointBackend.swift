// Who writes a checkpoint's values: all ranks, each its part, or rank 0 alone. The file is the same.

import Files

/// How the values of a checkpoint reach the disk.
public enum CheckpointBackend: String, Sendable, CaseIterable {
  /// `gather` on NFS and for small states, else `parallel`.
  case auto
  /// Each rank writes its blocks into one shared file through MPI-IO.
  case parallel
  /// Rank 0 writes everything with plain writes. Every rank holds the whole state, so nothing need be sent. For file systems on which shared
  /// writing fails or crawls: locks make NFS take minutes (open-mpi/ompi issue 4446).
  case gather

  /// States below this size, in bytes, are written faster by one rank than by several that first open the file together.
  static let smallBytes = 64 << 20

  /// `parallel` or `gather`. `folder` exists.
  func chosen(for bytes: Int, in folder: String) -> CheckpointBackend {
    guard self == .auto else { return self }
    return bytes < Self.smallBytes || fileSystemType(of: folder)?.hasPrefix("nfs") == true ? .gather : .parallel
  }
}
