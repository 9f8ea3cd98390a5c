// Texts as scalar datasets of one fixed-length UTF-8 string, for what is too long for an attribute (64 KiB): configurations, indices.

import CHDF5

extension File {
  /// Creates a text at `dataset`. Collective; serial files only may call it on one rank.
  public func write(text: String, to dataset: String) throws(H5Error) {
    let subject = "\(path):\(dataset)"
    let type = try textType(of: text.utf8.count, on: subject)
    let space = try Handle("H5Screate", on: subject, closing: H5Sclose) { H5Screate(H5S_SCALAR) }
    let handle = try Handle("H5Dcreate2", on: subject, closing: H5Dclose) {
      H5Dcreate2(id, dataset, type.id, space.id, hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT))
    }
    let bytes = Array(text.utf8) + [0]
    try h5("H5Dwrite", on: subject) {
      H5Dwrite(handle.id, type.id, hid_t(H5S_ALL), hid_t(H5S_ALL), hid_t(H5P_DEFAULT), bytes)
    }
    try handle.close("H5Dclose", on: subject)
  }

  public func text(at dataset: String) throws(H5Error) -> String {
    let subject = "\(path):\(dataset)"
    let handle = try Handle("H5Dopen2", on: subject, closing: H5Dclose) { H5Dopen2(id, dataset, hid_t(H5P_DEFAULT)) }
    let type = try Handle("H5Dget_type", on: subject, closing: H5Tclose) { H5Dget_type(handle.id) }
    let length = try textLength(type, on: subject)
    return try readText(length: length) { (bytes) throws(H5Error) in
      try h5("H5Dread", on: subject) {
        H5Dread(handle.id, type.id, hid_t(H5S_ALL), hid_t(H5S_ALL), hid_t(H5P_DEFAULT), bytes)
      }
    }
  }
}

/// The type of a UTF-8 string of `length` bytes, padded with zeros; HDF5 refuses strings of no bytes, so an empty one takes one zero.
func textType(of length: Int, on subject: String) throws(H5Error) -> Handle {
  let type = try Handle("H5Tcopy", on: subject, closing: H5Tclose) { H5Tcopy(cohort_h5t_c_string()) }
  try h5("H5Tset_size", on: subject) { H5Tset_size(type.id, max(1, length)) }
  try h5("H5Tset_strpad", on: subject) { H5Tset_strpad(type.id, H5T_STR_NULLPAD) }
  try h5("H5Tset_cset", on: subject) { H5Tset_cset(type.id, H5T_CSET_UTF8) }
  return type
}

/// The length in bytes of a fixed-length string type; any other type is an error.
func textLength(_ type: borrowing Handle, on subject: String) throws(H5Error) -> Int {
  let id = type.id
  let isFixedText = locked { H5Tget_class(id) == H5T_STRING && H5Tis_variable_str(id) == 0 }
  guard isFixedText else {
    throw H5Error(
      call: "H5Tget_class", subject: subject, reason: "it does not hold a fixed-length text",
      hint: "Write it as a fixed-length string, or read it with another tool.")
  }
  return locked { H5Tget_size(id) }
}

/// A text of `length` bytes without its padding.
func readText(length: Int, _ read: (UnsafeMutableRawPointer) throws(H5Error) -> Void) throws(H5Error) -> String {
  var bytes = [UInt8](repeating: 0, count: length)
  try bytes.withUnsafeMutableBufferPointer { (buffer) throws(H5Error) in try read(UnsafeMutableRawPointer(buffer.baseAddress!)) }
  let end = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
  return String(decoding: bytes[..<end], as: UTF8.self)
}
