// The one checked call through which every HDF5 function of this package goes. The library here is not thread-safe, so the door holds one lock for
// each call and lets loader threads read; identifiers that come from macros (element types, property classes) must be named inside the closure.

import CHDF5
import Foundation
import Synchronization

/// A failed HDF5 call: its name, the file, the library's own explanation, and what to do.
public struct H5Error: Error, CustomStringConvertible, Sendable, Equatable {
  /// The C function, for example `H5Dwrite`.
  public let call: String
  /// The file, and the object inside it where there is one.
  public let subject: String
  public let reason: String
  public let hint: String

  public init(call: String, subject: String, reason: String, hint: String) {
    (self.call, self.subject, self.reason, self.hint) = (call, subject, reason, hint)
  }

  public var description: String { "\(call) failed on \(subject): \(reason). \(hint)" }
}

/// Whether the library was opened and its printing of errors switched off.
private let library = Mutex(false)

/// Calls one HDF5 function and returns what it returned, or throws the library's error stack if that is negative. Must not be nested.
@discardableResult
func h5<Result: SignedInteger & Sendable>(
  _ call: StaticString, on subject: String,
  hint: String = "Check that the file is whole, that the disk is not full and that you may read and write there.",
  _ body: () -> Result
) throws(H5Error) -> Result {
  let (result, reason) = locked {
    let result = body()
    return (result, result < 0 ? explanation() : "")
  }
  guard result >= 0 else { throw H5Error(call: "\(call)", subject: subject, reason: reason, hint: hint) }
  return result
}

/// Runs `body` while no other thread is inside the library.
func locked<Result: Sendable>(_ body: () -> Result) -> Result {
  library.withLock { isOpen in
    if !isOpen {
      // The library's own file locks fail on file systems without locks; our files get their final name only when nobody writes them any more.
      setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0)
      H5open()
      // herr_t H5Eset_auto2(hid_t estack_id, H5E_auto2_t func, void *client_data)
      H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
      isOpen = true
    }
    return body()
  }
}

/// What the call could not do and the cause at the bottom of the error stack.
private func explanation() -> String {
  var lines: [String] = []
  withUnsafeMutablePointer(to: &lines) { pointer in
    // herr_t H5Ewalk2(hid_t err_stack, H5E_direction_t direction, H5E_walk2_t func, void *client_data)
    _ = H5Ewalk2(
      hid_t(H5E_DEFAULT), H5E_WALK_DOWNWARD,
      { _, frame, lines in
        if let text = frame?.pointee.desc, let lines {
          lines.assumingMemoryBound(to: [String].self).pointee.append(String(cString: text))
        }
        return 0
      }, pointer)
  }
  H5Eclear2(hid_t(H5E_DEFAULT))
  guard let first = lines.first, let last = lines.last else { return "the library gave no reason" }
  return first == last ? first : "\(first): \(systemText(in: last) ?? last)"
}

/// The operating system's words inside a description such as `... errno = 28, error message = 'No space left on device', buf = 0x7f...`.
private func systemText(in description: String) -> String? {
  guard let start = description.range(of: "error message = '"), let end = description[start.upperBound...].firstIndex(of: "'")
  else {
    return nil
  }
  return String(description[start.upperBound..<end])
}
