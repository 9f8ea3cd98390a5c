// An identifier inside HDF5 (dataset, data space, property list, attribute) that lives as long as one function.

import CHDF5

/// Owns an identifier and closes it at the end of its scope; `close()` does so checked, which matters where closing writes.
struct Handle: ~Copyable {
  let id: hid_t
  private let closeFunction: @convention(c) (hid_t) -> herr_t

  init(
    _ call: StaticString, on subject: String, closing closeFunction: @escaping @convention(c) (hid_t) -> herr_t,
    _ open: () -> hid_t
  ) throws(H5Error) {
    self.id = try h5(call, on: subject, open)
    self.closeFunction = closeFunction
  }

  consuming func close(_ call: StaticString, on subject: String) throws(H5Error) {
    let (id, closeFunction) = (id, closeFunction)
    discard self
    try h5(call, on: subject) { closeFunction(id) }
  }

  deinit {
    let (id, closeFunction) = (id, closeFunction)
    _ = locked { closeFunction(id) }
  }
}
