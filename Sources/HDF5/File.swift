// An open HDF5 file, for one process or for all ranks of a communicator together.

import CHDF5
import MPI

/// An open file. Calls name objects by their path inside it.
///
/// A file opened over a communicator is collective: every rank makes the same calls in the same order, except reads and writes of data
/// that are not marked collective. Closing one is collective too, so it is explicit: a forgotten close traps, a second one does not compile.
public struct File: ~Copyable {
  let id: hid_t
  public let path: String
  private var isClosed = false

  /// Creates a file, which must not exist, for this process. Datasets of 64 KiB and more begin at multiples of `alignment` bytes.
  public static func create(_ path: String, alignment: Int = 1) throws(H5Error) -> File {
    let access = try accessList(path)
    try h5("H5Pset_alignment", on: path) { H5Pset_alignment(access.id, 64 << 10, hsize_t(alignment)) }
    return File(
      id: try h5("H5Fcreate", on: path) { H5Fcreate(path, cohort_h5f_exclusive(), hid_t(H5P_DEFAULT), access.id) }, path: path)
  }

  /// Opens a file for this process.
  public static func open(_ path: String, writable: Bool = false) throws(H5Error) -> File {
    let access = try accessList(path)
    return try open(path, writable, access.id)
  }

  /// Opens a file for all ranks through MPI-IO. Collective.
  ///
  /// With one rank this is the serial open, which needs no MPI.
  public static func open(_ path: String, writable: Bool, over communicator: borrowing Communicator) throws(H5Error) -> File {
    guard communicator.size > 1, let handle = communicator.handle else { return try open(path, writable: writable) }
    let access = try accessList(path)
    // herr_t H5Pset_fapl_mpio(hid_t fapl_id, MPI_Comm comm, MPI_Info info)
    try h5("H5Pset_fapl_mpio", on: path) { H5Pset_fapl_mpio(access.id, handle, cohort_h5_mpi_info_null()) }
    // Metadata is read by one rank and broadcast, and written together: else each rank reads the same bytes.
    try h5("H5Pset_all_coll_metadata_ops", on: path) { H5Pset_all_coll_metadata_ops(access.id, true) }
    try h5("H5Pset_coll_metadata_write", on: path) { H5Pset_coll_metadata_write(access.id, true) }
    return try open(path, writable, access.id)
  }

  private static func open(_ path: String, _ writable: Bool, _ access: hid_t) throws(H5Error) -> File {
    let hint = "Check that the path is right and that the file is a whole HDF5 file; one that was cut off must be made again."
    // hid_t H5Fopen(const char *filename, unsigned flags, hid_t fapl_id)
    return File(
      id: try h5("H5Fopen", on: path, hint: hint) {
        H5Fopen(path, writable ? cohort_h5f_read_write() : cohort_h5f_read_only(), access)
      }, path: path)
  }

  /// Format version 1.10 throughout: its object headers and chunk indices carry checksums.
  private static func accessList(_ path: String) throws(H5Error) -> Handle {
    let access = try Handle("H5Pcreate", on: path, closing: H5Pclose) { H5Pcreate(cohort_h5p_file_access()) }
    try h5("H5Pset_libver_bounds", on: path) { H5Pset_libver_bounds(access.id, H5F_LIBVER_V110, H5F_LIBVER_V110) }
    return access
  }

  private init(id: hid_t, path: String) { (self.id, self.path) = (id, path) }

  /// Closes the file. Collective.
  public consuming func close() throws(H5Error) {
    isClosed = true
    let (id, path) = (id, path)
    try h5("H5Fclose", on: path) { H5Fclose(id) }
  }

  deinit { if !isClosed { stop("The HDF5 file \(path) was dropped without close(); close it on every path.") } }

  /// Creates a group and those above it. Collective.
  public func createGroup(_ group: String) throws(H5Error) {
    let subject = "\(path):\(group)"
    let links = try Handle("H5Pcreate", on: subject, closing: H5Pclose) { H5Pcreate(cohort_h5p_link_create()) }
    try h5("H5Pset_create_intermediate_group", on: subject) { H5Pset_create_intermediate_group(links.id, 1) }
    let handle = try Handle("H5Gcreate2", on: subject, closing: H5Gclose) {
      H5Gcreate2(id, group, links.id, hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT))
    }
    try handle.close("H5Gclose", on: subject)
  }

  /// Whether there is an object at `object`, a path such as `/image/0001`.
  public func contains(_ object: String) throws(H5Error) -> Bool {
    var partial = ""
    for part in object.split(separator: "/") {
      partial += "/\(part)"
      // htri_t H5Lexists(hid_t loc_id, const char *name, hid_t lapl_id); a missing parent is an error, hence one part at a time
      guard try h5("H5Lexists", on: "\(path):\(partial)", { H5Lexists(id, partial, hid_t(H5P_DEFAULT)) }) > 0 else {
        return false
      }
    }
    return true
  }
}

extension File {
  /// Runs `body` on the open file and closes it whether or not `body` throws; the first error wins.
  public consuming func closing<Result, Failure: Error>(
    _ wrap: (H5Error) -> Failure, _ body: (borrowing File) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outcome: Swift.Result<Result, Failure>
    do throws(Failure) { outcome = .success(try body(self)) } catch { outcome = .failure(error) }
    do throws(H5Error) { try close() } catch { if case .success = outcome { throw wrap(error) } }
    return try outcome.get()
  }

  /// The same where `body` throws nothing else than the library's errors.
  public consuming func closing<Result>(_ body: (borrowing File) throws(H5Error) -> Result) throws(H5Error) -> Result {
    try closing({ $0 }, body)
  }
}

/// Ends the process with a text; a function because a bare `fatalError` in a `deinit` draws a warning.
private func stop(_ text: String) { fatalError(text) }
