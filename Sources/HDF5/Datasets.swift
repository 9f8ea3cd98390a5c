// Arrays of numbers of any rank: creating, writing and reading whole ones, and asking where and how large they are.

import CHDF5

extension File {
  /// Creates an array of `extent` (row-major, the last axis fastest). Collective.
  public func createDataset(_ dataset: String, of type: ElementType, extent: [Int], storage: Storage) throws(H5Error) {
    let subject = "\(path):\(dataset)"
    let dimensions = extent.map { hsize_t($0) }
    let space = try Handle("H5Screate_simple", on: subject, closing: H5Sclose) {
      H5Screate_simple(Int32(dimensions.count), dimensions, nil)
    }
    let list = try creationList(storage, extent: extent, on: subject)
    let handle = try Handle("H5Dcreate2", on: subject, closing: H5Dclose) {
      H5Dcreate2(id, dataset, type.fileType, space.id, hid_t(H5P_DEFAULT), list.id, hid_t(H5P_DEFAULT))
    }
    try handle.close("H5Dclose", on: subject)
  }

  private func creationList(_ storage: Storage, extent: [Int], on subject: String) throws(H5Error) -> Handle {
    let list = try Handle("H5Pcreate", on: subject, closing: H5Pclose) { H5Pcreate(cohort_h5p_dataset_create()) }
    switch storage {
    case .contiguous:
      try h5("H5Pset_alloc_time", on: subject) { H5Pset_alloc_time(list.id, H5D_ALLOC_TIME_EARLY) }
      try h5("H5Pset_fill_time", on: subject) { H5Pset_fill_time(list.id, H5D_FILL_TIME_NEVER) }
    case .chunked(let chunk, let level):
      // A fixed-size array refuses chunks that are larger than itself.
      let dimensions = zip(chunk, extent).map { hsize_t(max(1, min($0, $1))) }
      try h5("H5Pset_chunk", on: subject) { H5Pset_chunk(list.id, Int32(dimensions.count), dimensions) }
      try h5("H5Pset_shuffle", on: subject) { H5Pset_shuffle(list.id) }
      try h5("H5Pset_deflate", on: subject) { H5Pset_deflate(list.id, UInt32(level)) }
      try h5("H5Pset_fletcher32", on: subject) { H5Pset_fletcher32(list.id) }
    }
    return list
  }

  /// Creates an array and writes it whole. For files of one process.
  public func write<Element: StoredElement>(
    _ values: [Element], to dataset: String, extent: [Int], storage: Storage = .contiguous
  ) throws(H5Error) {
    try createDataset(dataset, of: Element.elementType, extent: extent, storage: storage)
    try values.withUnsafeBufferPointer { (buffer) throws(H5Error) in try write(buffer, to: dataset) }
  }

  /// Reads a whole array, whose extent must be `extent`: a damaged file must not decide how much memory is taken.
  public func read<Element: StoredElement>(_ dataset: String, extent: [Int]) throws(H5Error) -> [Element] {
    let stored = try self.extent(of: dataset)
    guard stored == extent else {
      throw H5Error(
        call: "H5Sget_simple_extent_dims", subject: "\(path):\(dataset)", reason: "it has extent \(stored), not \(extent)",
        hint: "The file was changed or damaged; make it again.")
    }
    var values = [Element](repeating: 0, count: extent.reduce(1, *))
    try values.withUnsafeMutableBufferPointer { (buffer) throws(H5Error) in try read(dataset, into: buffer) }
    return values
  }

  /// The extent of an array, row-major.
  public func extent(of dataset: String) throws(H5Error) -> [Int] {
    let subject = "\(path):\(dataset)"
    let handle = try Handle("H5Dopen2", on: subject, closing: H5Dclose) { H5Dopen2(id, dataset, hid_t(H5P_DEFAULT)) }
    let space = try Handle("H5Dget_space", on: subject, closing: H5Sclose) { H5Dget_space(handle.id) }
    let rank = try h5("H5Sget_simple_extent_ndims", on: subject) { H5Sget_simple_extent_ndims(space.id) }
    var dimensions = [hsize_t](repeating: 0, count: Int(rank))
    try h5("H5Sget_simple_extent_dims", on: subject) { H5Sget_simple_extent_dims(space.id, &dimensions, nil) }
    return dimensions.map { Int(clamping: $0) }
  }

  /// The offset of the first byte of a contiguous array in the file.
  public func byteOffset(of dataset: String) throws(H5Error) -> Int {
    let subject = "\(path):\(dataset)"
    let handle = try Handle("H5Dopen2", on: subject, closing: H5Dclose) { H5Dopen2(id, dataset, hid_t(H5P_DEFAULT)) }
    return Int(
      try h5("H5Dget_offset", on: subject) {
        let offset = H5Dget_offset(handle.id)
        return offset == cohort_h5_undefined_address() ? Int64(-1) : Int64(exactly: offset) ?? -1
      })
  }
}
