// Arrays in NumPy's archives: a zip file with one .npy for each (NumPy Enhancement Proposal 1, format 1.0). `numpy.load` reads them by their names.

import Files

/// Writes float32 arrays under their names; a reader never sees half a file.
/// - Parameter arrays: names, shapes (the last axis fastest), values.
/// Errors: more than the 4 GiB of a simple zip archive; a file that cannot be written.
public func writeNumPyArchive(_ arrays: [(name: String, shape: [Int], values: [Float])], to path: String) throws(WeightError) {
  let bytes = arrays.reduce(1 << 20) { $0 + 4 * $1.values.count + 512 }
  guard bytes <= StoredZip.most else {
    throw WeightError("\(path) would have \(bytes) bytes, more than an archive of 4 GiB holds: write NIfTI files.")
  }
  do {
    try writeDurably(to: path) { file, temporary in
      var zip = StoredZip()
      for array in arrays {
        let entry = header(of: array.shape) + array.values.withUnsafeBytes { Array($0) }
        try entry.withUnsafeBytes { try writeAll(zip.header(of: "\(array.name).npy", $0) + $0, to: file, temporary) }
      }
      try writeAll(zip.end, to: file, temporary)
    }
  } catch { throw error as? WeightError ?? WeightError("\(error)") }
}

/// What a .npy begins with: magic number, version, and a dictionary that is filled up so that the array begins at a multiple of 64 bytes.
private func header(of shape: [Int]) -> [UInt8] {
  let sides = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
  let dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(sides)), }"
  let start = 10, filling = (64 - (start + dictionary.utf8.count + 1) % 64) % 64
  let text = Array(dictionary.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: filling) + [UInt8(ascii: "\n")]
  return [0x93] + Array("NUMPY".utf8) + [1, 0] + littleEndian(text.count, bytes: 2) + text
}
