// Small facts attached to a group or dataset: text, integers, real numbers. Only fixed-length types: parallel files cannot hold others well.

import CHDF5

extension File {
  /// Attaches a text (UTF-8, fixed length) to the object at `object`. Collective.
  public func setAttribute(_ name: String, of object: String, _ value: String) throws(H5Error) {
    let subject = "\(path):\(object)@\(name)"
    let type = try textType(of: value.utf8.count, on: subject)
    var bytes = Array(value.utf8) + [0]
    try createAttribute(name, of: object, type: { type.id }, &bytes)
  }

  /// Attaches an integer. Collective.
  public func setAttribute(_ name: String, of object: String, _ value: Int) throws(H5Error) {
    var value = Int64(value)
    try createAttribute(name, of: object, type: { cohort_h5t_int64() }, &value)
  }

  /// Attaches a real number. Collective.
  public func setAttribute(_ name: String, of object: String, _ value: Double) throws(H5Error) {
    var value = value
    try createAttribute(name, of: object, type: { cohort_h5t_float64() }, &value)
  }

  public func text(attribute name: String, of object: String) throws(H5Error) -> String {
    let subject = "\(path):\(object)@\(name)"
    let attribute = try openAttribute(name, of: object)
    let type = try Handle("H5Aget_type", on: subject, closing: H5Tclose) { H5Aget_type(attribute.id) }
    let length = try textLength(type, on: subject)
    return try readText(length: length) { (bytes) throws(H5Error) in
      // herr_t H5Aread(hid_t attr_id, hid_t type_id, void *buf)
      try h5("H5Aread", on: subject) { H5Aread(attribute.id, type.id, bytes) }
    }
  }

  public func integer(attribute name: String, of object: String) throws(H5Error) -> Int {
    let attribute = try openAttribute(name, of: object)
    var value: Int64 = 0
    try h5("H5Aread", on: "\(path):\(object)@\(name)") { H5Aread(attribute.id, cohort_h5t_native_int64(), &value) }
    return Int(value)
  }

  public func real(attribute name: String, of object: String) throws(H5Error) -> Double {
    let attribute = try openAttribute(name, of: object)
    var value = 0.0
    try h5("H5Aread", on: "\(path):\(object)@\(name)") { H5Aread(attribute.id, cohort_h5t_native_double(), &value) }
    return value
  }

  /// `type` is called inside the door.
  private func createAttribute(
    _ name: String, of object: String, type: () -> hid_t, _ value: UnsafeRawPointer
  ) throws(H5Error) {
    let subject = "\(path):\(object)@\(name)"
    let space = try Handle("H5Screate", on: subject, closing: H5Sclose) { H5Screate(H5S_SCALAR) }
    let attribute = try Handle("H5Acreate_by_name", on: subject, closing: H5Aclose) {
      H5Acreate_by_name(id, object, name, type(), space.id, hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT))
    }
    // herr_t H5Awrite(hid_t attr_id, hid_t type_id, const void *buf); little-endian is native on every machine this runs on
    try h5("H5Awrite", on: subject) { H5Awrite(attribute.id, type(), value) }
    try attribute.close("H5Aclose", on: subject)
  }

  private func openAttribute(_ name: String, of object: String) throws(H5Error) -> Handle {
    try Handle("H5Aopen_by_name", on: "\(path):\(object)@\(name)", closing: H5Aclose) {
      H5Aopen_by_name(id, object, name, hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT))
    }
  }
}
