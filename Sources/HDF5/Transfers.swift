// Moving numbers between memory and arrays in files, whole or box by box, by one process or by all ranks together.

import CHDF5

extension File {
  /// Writes a box of an array, or all of it. With `collective`, all ranks take part, each with a box of its own, which may be empty.
  public func write<Element: StoredElement>(
    _ values: UnsafeBufferPointer<Element>, to dataset: String, slab: Slab? = nil, collective: Bool = false
  ) throws(H5Error) {
    let array = try open(array: dataset)
    try array.write(values, slab: slab, collective: collective)
    try array.close()
  }

  /// Reads a box of an array, or all of it; numbers of another type are converted.
  public func read<Element: StoredElement>(
    _ dataset: String, into values: UnsafeMutableBufferPointer<Element>, slab: Slab? = nil, collective: Bool = false
  ) throws(H5Error) {
    let array = try open(array: dataset)
    let transfer = try Transfer.begin(of: values.count, array.handle.id, array.subject, slab, collective)
    let address = values.baseAddress.map { UnsafeMutableRawPointer($0) } ?? UnsafeMutableRawPointer(bitPattern: 8)
    // herr_t H5Dread(hid_t dset_id, hid_t mem_type_id, hid_t mem_space_id, hid_t file_space_id, hid_t dxpl_id, void *buf)
    try h5("H5Dread", on: array.subject) {
      H5Dread(
        array.handle.id, Element.elementType.memoryType, transfer.memory.id, transfer.file.id, transfer.list.id, address)
    }
    try array.close()
  }

  /// Opens an array for several transfers. Collective.
  public func open(array dataset: String) throws(H5Error) -> OpenArray {
    let subject = "\(path):\(dataset)"
    return OpenArray(
      subject: subject,
      handle: try Handle("H5Dopen2", on: subject, closing: H5Dclose) { H5Dopen2(id, dataset, hid_t(H5P_DEFAULT)) })
  }
}

/// An array held open. In a parallel file opening and closing are collective; transfers are only where they are marked so, so that ranks
/// may make different numbers of them.
public struct OpenArray: ~Copyable {
  let subject: String
  let handle: Handle

  /// Writes a box of the array, or all of it, as `File.write` does.
  public func write<Element: StoredElement>(
    _ values: UnsafeBufferPointer<Element>, slab: Slab? = nil, collective: Bool = false
  ) throws(H5Error) {
    let array = handle.id
    let transfer = try Transfer.begin(of: values.count, array, subject, slab, collective)
    // HDF5 refuses a null address even where nothing is selected.
    let address = values.baseAddress.map { UnsafeRawPointer($0) } ?? UnsafeRawPointer(bitPattern: 8)
    // herr_t H5Dwrite(hid_t dset_id, hid_t mem_type_id, hid_t mem_space_id, hid_t file_space_id, hid_t dxpl_id, const void *buf)
    try h5("H5Dwrite", on: subject) {
      H5Dwrite(array, Element.elementType.memoryType, transfer.memory.id, transfer.file.id, transfer.list.id, address)
    }
  }

  /// Closing an array may write its last chunk, so it is checked. One that is dropped is closed unchecked.
  public consuming func close() throws(H5Error) {
    try handle.close("H5Dclose", on: subject)
  }
}

/// What one write or read needs besides the array: a run of numbers in memory, as many in the file, and how the ranks go about it.
private struct Transfer: ~Copyable {
  let memory: Handle
  let file: Handle
  let list: Handle

  static func begin(
    of count: Int, _ array: hid_t, _ subject: String, _ slab: Slab?, _ collective: Bool
  ) throws(H5Error) -> Transfer {
    let file = try Handle("H5Dget_space", on: subject, closing: H5Sclose) { H5Dget_space(array) }
    if let slab { try select(slab, in: file.id, on: subject) }
    let space = file.id
    let selected = try h5("H5Sget_select_npoints", on: subject) { H5Sget_select_npoints(space) }
    guard selected == count else {
      throw H5Error(
        call: "H5Sget_select_npoints", subject: subject, reason: "\(count) numbers in memory meet \(selected) in the file",
        hint: "The file was changed or damaged, or the box is wrong.")
    }
    var length = hsize_t(count)
    let memory = try Handle("H5Screate_simple", on: subject, closing: H5Sclose) { H5Screate_simple(1, &length, nil) }
    let list = try transferList(collective, on: subject)
    return Transfer(memory: memory, file: file, list: list)
  }
}

/// Restricts `space` to a box.
private func select(_ slab: Slab, in space: hid_t, on subject: String) throws(H5Error) {
  let (start, count) = (slab.start.map { hsize_t($0) }, slab.count.map { hsize_t($0) })
  if slab.count.contains(0) {
    try h5("H5Sselect_none", on: subject) { H5Sselect_none(space) }
  } else {
    try h5("H5Sselect_hyperslab", on: subject) { H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nil, count, nil) }
  }
}

private func transferList(_ collective: Bool, on subject: String) throws(H5Error) -> Handle {
  let list = try Handle("H5Pcreate", on: subject, closing: H5Pclose) { H5Pcreate(cohort_h5p_dataset_transfer()) }
  let id = list.id
  if collective {
    try h5("H5Pset_dxpl_mpio", on: subject) { H5Pset_dxpl_mpio(id, H5FD_MPIO_COLLECTIVE) }
  }
  return list
}
